// Writes a string inside a json value, byte for byte as src/encode/json/write-json-string.ts does: all its escapes are read,
// and only those that messages use are written.

import { BACKSLASH, GIVEN_UP, QUOTE } from './bytes'
import { specials, writeCharacter, writeEscape, writeReplacement } from './text'
import { utf8Length } from './utf8'

/** The address after the string that was written last. */
export let stringEnd: usize = 0

/** The string starts at `start` with its quote, and ends somewhere before `end`. */
export function writeJsonString(o: usize, start: usize, end: usize): usize {
  if (start >= end || load<u8>(start) != QUOTE) return GIVEN_UP
  store<u8>(o++, QUOTE)
  let at = start + 1
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
    if (byte == QUOTE) {
      stringEnd = at + 1
      store<u8>(o, QUOTE)
      return o + 1
    }
    if (byte == BACKSLASH) {
      o = writeEscaped(o, at, end)
      if (o == GIVEN_UP) return GIVEN_UP
      at = escapeEnd
    } else if (byte < 0x80) {
      o = writeEscape(o, byte)
      at += 1
    } else {
      const length = utf8Length(at, end)
      if (length == 0) {
        o = writeReplacement(o)
        at += 1
      } else {
        store<u32>(o, load<u32>(at))
        o += length
        at += length
      }
    }
  }
  return GIVEN_UP
}

let escapeEnd: usize = 0

/** Writes the character of the escape at `at`. */
function writeEscaped(o: usize, at: usize, end: usize): usize {
  if (at + 2 > end) return GIVEN_UP
  const letter = load<u8>(at + 1)
  const meaning = meaningOf(letter)
  if (meaning != 0) {
    escapeEnd = at + 2
    return writeCharacter(o, meaning)
  }
  if (letter != 0x75) return GIVEN_UP
  const unit = codeUnit(at + 2, end)
  if (unit < 0) return GIVEN_UP
  if (unit >= 0xd800 && unit < 0xdc00 && at + 12 <= end && load<u16>(at + 6) == 0x755c) {
    const low = codeUnit(at + 8, end)
    if (low < 0) return GIVEN_UP
    if (low >= 0xdc00 && low < 0xe000) {
      escapeEnd = at + 12
      return writeCharacter(o, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
    }
  }
  escapeEnd = at + 6
  return writeCharacter(o, unit)
}

/** Returns the character for which a backslash and this letter stand; 0: they are no such escape. */
function meaningOf(letter: u8): u8 {
  if (letter == QUOTE || letter == BACKSLASH || letter == 0x2f) return letter
  if (letter == 0x62) return 0x08
  if (letter == 0x66) return 0x0c
  if (letter == 0x6e) return 0x0a
  if (letter == 0x72) return 0x0d
  if (letter == 0x74) return 0x09
  return 0
}

/** Returns the number of four hexadecimal digits; -1: they are none. */
function codeUnit(at: usize, end: usize): i32 {
  if (at + 4 > end) return -1
  let unit: i32 = 0
  for (let i: usize = 0; i < 4; i++) {
    const byte = load<u8>(at + i) | 0x20
    let digit: i32 = -1
    if (byte >= 0x61 && byte <= 0x66) digit = <i32>byte - 0x57
    else if (byte >= 0x30 && byte <= 0x39) digit = <i32>byte - 0x30
    if (digit < 0) return -1
    unit = unit * 16 + digit
  }
  return unit
}
