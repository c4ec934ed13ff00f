// Writes strings and bytes: their length, then their bytes.

import { isUtf8 } from 'node:buffer'
import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { utf8Length } from '../../bytes/utf8.ts'
import { branch, malformed } from './value-writer.ts'
import { writeLong } from './write-long.ts'

/** A value of at most this size is looked at byte by byte. */
const shortBytes = 63
const replacement = Buffer.from('\ufffd')

/** Writes text. A byte that is not UTF-8 (a SQL_ASCII database can contain one) becomes U+FFFD. */
export function writeText(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  writeTextAs(branch.first, bytes, start, end, out)
}

export function writeTextAs(index: number, bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const length = end - start
  if (length > shortBytes) {
    if (!isUtf8(bytes.subarray(start, end))) return writeRepaired(index, bytes, start, end, out)
    out.u8(index)
    writeLong(length, out)
    out.copy(bytes, start, end)
    return
  }
  out.ensure(length + 2)
  const { buffer } = out
  let at = out.length
  buffer[at++] = index
  buffer[at++] = length * 2
  let all = 0
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    all |= byte
    buffer[at++] = byte
  }
  if (all > 0x7f && !isUtf8(bytes.subarray(start, end))) return writeRepaired(index, bytes, start, end, out)
  out.length = at
}

function writeRepaired(index: number, bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const parts: Uint8Array[] = []
  let from = start
  for (let i = start; i < end;) {
    const length = (bytes[i] as number) < 0x80 ? 1 : utf8Length(bytes, i, end)
    if (length === 0) {
      parts.push(bytes.subarray(from, i), replacement)
      from = i + 1
    }
    i += Math.max(1, length)
  }
  const text = Buffer.concat([...parts, bytes.subarray(from, end)])
  out.u8(index)
  writeLong(text.length, out)
  out.copy(text)
}

/** The value of each hexadecimal digit; 16: it is none. */
const nibbles = new Uint8Array(256).fill(16)
for (const [i, digit] of [...'0123456789abcdef'].entries()) nibbles[digit.charCodeAt(0)] = i

/** Writes bytea, of which PostgreSQL prints `\x` and hexadecimal digits. */
export function writeBytea(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const length = (end - start) / 2 - 1
  if (!Number.isInteger(length) || length < 0 || bytes[start] !== 0x5c || bytes[start + 1] !== 0x78) {
    throw malformed('bytea')
  }
  out.u8(branch.first)
  writeLong(length, out)
  out.ensure(length)
  const { buffer } = out
  let at = out.length
  let all = 0
  for (let i = start + 2; i < end; i += 2) {
    const high = nibbles[bytes[i] as number] as number
    const low = nibbles[bytes[i + 1] as number] as number
    all |= high | low
    buffer[at++] = (high << 4) | low
  }
  if (all > 15) throw malformed('bytea')
  out.length = at
}

export function writeBool(bytes: Buffer, start: number, _end: number, out: ByteWriter): void {
  out.ensure(2)
  out.buffer[out.length++] = branch.first
  out.buffer[out.length++] = bytes[start] === 0x74 ? 1 : 0
}
