// Writes strings. The characters `"`, `\`, \n, \r and \t are escaped; other characters below a space become \u00xx in lower
// case. All other UTF-8 is copied, also `<`, `>`, `&` and `/`. A byte that is not UTF-8 (a SQL_ASCII database can contain one)
// becomes \ufffd.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { utf8Length } from '../../bytes/utf8.ts'

const quote = 0x22
const backslash = 0x5c
const hexDigits = Buffer.from('0123456789abcdef')

/** By byte. 0: it is copied; 1: it becomes \u00xx; 2: it starts a longer sequence; otherwise the letter after the backslash. */
const escapes = new Uint8Array(256)
escapes.fill(1, 0, 0x20)
escapes.fill(2, 0x80)
escapes[0x0a] = 0x6e
escapes[0x0d] = 0x72
escapes[0x09] = 0x74
escapes[quote] = quote
escapes[backslash] = backslash

/** A value of at most this size is written byte by byte; of a longer value, runs without escapes are copied at once. */
const shortBytes = 64

/** Writes text that needs neither quotes nor escapes, such as digits. */
export function writePlain(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  out.copy(bytes, start, end)
}

/** Writes text of a type that prints nothing that needs an escape. */
export function writeQuoted(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  out.ensure(end - start + 2)
  out.buffer[out.length++] = quote
  out.copy(bytes, start, end)
  out.buffer[out.length++] = quote
}

export function writeText(bytes: Uint8Array, start: number, end: number, out: ByteWriter): void {
  out.u8(quote)
  writeCharacters(bytes, start, end, out)
  out.u8(quote)
}

/** Writes text without the quotes around it. */
export function writeCharacters(bytes: Uint8Array, start: number, end: number, out: ByteWriter): void {
  if (end - start > shortBytes) return writeManyCharacters(bytes, start, end, out)
  // Every byte may become six bytes.
  out.ensure((end - start) * 6)
  const { buffer } = out
  let at = out.length
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    const escape = escapes[byte] as number
    if (escape === 0) buffer[at++] = byte
    else if (escape === 2) {
      const length = utf8Length(bytes, i, end)
      if (length === 0) at = writeReplacement(buffer, at)
      else {
        for (let j = 0; j < length; j++) buffer[at++] = bytes[i + j] as number
        i += length - 1
      }
    } else at = writeEscape(buffer, at, byte, escape)
  }
  out.length = at
}

function writeManyCharacters(bytes: Uint8Array, start: number, end: number, out: ByteWriter): void {
  let from = start
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    const escape = escapes[byte] as number
    if (escape === 0) continue
    if (escape === 2) {
      const length = utf8Length(bytes, i, end)
      if (length > 0) {
        i += length - 1
        continue
      }
    }
    out.copy(bytes, from, i)
    out.ensure(6)
    out.length =
      escape === 2 ? writeReplacement(out.buffer, out.length) : writeEscape(out.buffer, out.length, byte, escape)
    from = i + 1
  }
  out.copy(bytes, from, end)
}

/** Writes one character, given by its code: a JSON string had an escape for it. */
export function writeCharacter(code: number, out: ByteWriter): void {
  out.ensure(6)
  const { buffer } = out
  let at = out.length
  const escape = code < 0x80 ? (escapes[code] as number) : 0
  if (escape !== 0) at = writeEscape(buffer, at, code, escape)
  else if (code < 0x80) buffer[at++] = code
  else if (code < 0x800) {
    buffer[at++] = 0xc0 | (code >> 6)
    buffer[at++] = 0x80 | (code & 0x3f)
  } else if (code >= 0xd800 && code < 0xe000) at = writeReplacement(buffer, at)
  else {
    if (code < 0x10000) buffer[at++] = 0xe0 | (code >> 12)
    else {
      buffer[at++] = 0xf0 | (code >> 18)
      buffer[at++] = 0x80 | ((code >> 12) & 0x3f)
    }
    buffer[at++] = 0x80 | ((code >> 6) & 0x3f)
    buffer[at++] = 0x80 | (code & 0x3f)
  }
  out.length = at
}

function writeEscape(buffer: Buffer, at: number, byte: number, escape: number): number {
  buffer[at++] = backslash
  if (escape !== 1) {
    buffer[at++] = escape
    return at
  }
  buffer[at++] = 0x75
  buffer[at++] = 0x30
  buffer[at++] = 0x30
  buffer[at++] = hexDigits[byte >> 4] as number
  buffer[at++] = hexDigits[byte & 15] as number
  return at
}

const replacement = Buffer.from('\\ufffd')

function writeReplacement(buffer: Buffer, at: number): number {
  for (let i = 0; i < 6; i++) buffer[at + i] = replacement[i] as number
  return at + 6
}

/** Writes PostgreSQL's hex form `\x…`, in which only the backslash needs an escape. */
export function writeBytea(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  out.ensure(end - start + 3)
  out.buffer[out.length++] = quote
  out.buffer[out.length++] = backslash
  out.copy(bytes, start, end)
  out.buffer[out.length++] = quote
}
