// Strings. Escaped are `"`, `\`, \n, \r, \t and, as \u00xx in lower case, what else lies below a space; all other UTF-8
// stays as it is, `<`, `>`, `&` and `/` too.

import type { ByteWriter } from '../../bytes/byte-writer.ts'

const quote = 0x22
const backslash = 0x5c
const hexDigits = Buffer.from('0123456789abcdef')

/** 0: as it is; 1: \u00xx; else the letter behind the backslash. */
const escapes = new Uint8Array(256)
escapes.fill(1, 0, 0x20)
escapes[0x0a] = 0x6e
escapes[0x0d] = 0x72
escapes[0x09] = 0x74
escapes[quote] = quote
escapes[backslash] = backslash

/** Digits and the like: no quotes, nothing to escape. */
export function writePlain(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  out.copy(bytes, start, end)
}

/** Text whose type prints nothing that needs an escape. */
export function writeQuoted(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  out.ensure(end - start + 2)
  out.buffer[out.length++] = quote
  out.copy(bytes, start, end)
  out.buffer[out.length++] = quote
}

export function writeText(bytes: Uint8Array, start: number, end: number, out: ByteWriter): void {
  // Every byte may become six; short values are the rule, so the room is asked for once.
  if (end - start <= 4096) out.ensure((end - start) * 6 + 2)
  else {
    writeLongText(bytes, start, end, out)
    return
  }
  const { buffer } = out
  let at = out.length
  buffer[at++] = quote
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    const escape = escapes[byte] as number
    if (escape === 0) buffer[at++] = byte
    else at = writeEscape(buffer, at, byte, escape)
  }
  buffer[at++] = quote
  out.length = at
}

/** Runs without escapes are copied as a whole. */
function writeLongText(bytes: Uint8Array, start: number, end: number, out: ByteWriter): void {
  out.u8(quote)
  let from = start
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    const escape = escapes[byte] as number
    if (escape === 0) continue
    out.copy(bytes, from, i)
    out.ensure(6)
    out.length = writeEscape(out.buffer, out.length, byte, escape)
    from = i + 1
  }
  out.copy(bytes, from, end)
  out.u8(quote)
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

/** PostgreSQL's hex form `\x…`: only its backslash needs an escape. */
export function writeBytea(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  out.ensure(end - start + 3)
  out.buffer[out.length++] = quote
  out.buffer[out.length++] = backslash
  out.copy(bytes, start, end)
  out.u8(quote)
}
