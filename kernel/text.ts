// Writes strings, byte for byte as src/encode/json/write-text.ts does.

import { BACKSLASH, QUOTE } from './bytes'
import { copyBytes } from './copy'
import { utf8Length, writeCode } from './utf8'

/** Writes text of a type that prints nothing that needs an escape. */
export function writeQuoted(o: usize, start: usize, end: usize): usize {
  store<u8>(o, QUOTE)
  copyBytes(o + 1, start, end - start)
  o += end - start + 1
  store<u8>(o, QUOTE)
  return o + 1
}

/** Writes PostgreSQL's hex form `\x…`, in which only the backslash needs an escape. */
export function writeBytea(o: usize, start: usize, end: usize): usize {
  store<u16>(o, 0x5c22)
  copyBytes(o + 2, start, end - start)
  o += end - start + 2
  store<u8>(o, QUOTE)
  return o + 1
}

export function writeText(o: usize, start: usize, end: usize): usize {
  store<u8>(o, QUOTE)
  o = writeCharacters(o + 1, start, end)
  store<u8>(o, QUOTE)
  return o + 1
}

/** Returns a bit for each of 16 bytes that is not a plain ASCII character: as a signed number, a byte of 0x80 or more is below a space. */
export function specials(bytes: v128): i32 {
  return i8x16.bitmask(
    v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(QUOTE)), i8x16.eq(bytes, i8x16.splat(BACKSLASH))),
      i8x16.lt_s(bytes, i8x16.splat(0x20)),
    ),
  )
}

/** Writes text without the quotes around it. */
export function writeCharacters(o: usize, start: usize, end: usize): usize {
  let at = start
  while (at < end) {
    const bytes = v128.load(at)
    v128.store(o, bytes)
    let mask = specials(bytes)
    const left = <i32>(end - at)
    if (left < 16) mask &= (1 << left) - 1
    if (mask == 0) {
      const length = min(left, 16)
      o += length
      at += length
      continue
    }
    const plain = ctz(mask)
    o += plain
    at += plain
    const byte = load<u8>(at)
    if (byte < 0x80) {
      o = writeEscape(o, byte)
      at += 1
      continue
    }
    // Text of another script has such characters one after the other.
    do {
      const length = utf8Length(at, end)
      if (length == 0) {
        o = writeReplacement(o)
        at += 1
      } else {
        store<u32>(o, load<u32>(at))
        o += length
        at += length
      }
    } while (at < end && load<u8>(at) >= 0x80)
  }
  return o
}

/** Writes one character, given by its code: a JSON string had an escape for it. */
export function writeCharacter(o: usize, code: u32): usize {
  if (code < 0x80) {
    if (code == QUOTE || code == BACKSLASH || code < 0x20) return writeEscape(o, <u8>code)
    store<u8>(o, code)
    return o + 1
  }
  if (code >= 0xd800 && code < 0xe000) return writeReplacement(o)
  return writeCode(o, code)
}

/** Writes the escape of a quote, a backslash or a control character. */
export function writeEscape(o: usize, byte: u8): usize {
  let letter: u8 = 0
  if (byte == QUOTE || byte == BACKSLASH) letter = byte
  else if (byte == 0x0a) letter = 0x6e
  else if (byte == 0x0d) letter = 0x72
  else if (byte == 0x09) letter = 0x74
  store<u8>(o, BACKSLASH)
  if (letter != 0) {
    store<u8>(o + 1, letter)
    return o + 2
  }
  // u00
  store<u32>(o + 1, 0x303075)
  const low: u8 = byte & 15
  store<u8>(o + 4, 0x30 + (byte >> 4))
  store<u8>(o + 5, low < 10 ? 0x30 + low : 0x57 + low)
  return o + 6
}

/** Writes `\ufffd` for a byte that is not UTF-8. */
export function writeReplacement(o: usize): usize {
  store<u32>(o, 0x6666755c)
  store<u16>(o + 4, 0x6466)
  return o + 6
}
