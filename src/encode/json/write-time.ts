// Booleans and points in time. PostgreSQL prints `2006-01-02 15:04:05.999999+00` (the session is UTC); JSON gets a `T`
// between date and time, and `Z` for the zone. Infinite times stay words.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { writeQuoted } from './write-text.ts'

const space = 0x20
const trueBytes = Buffer.from('true')
const falseBytes = Buffer.from('false')
const utc = Buffer.from('+00')

export function writeBool(bytes: Buffer, start: number, _end: number, out: ByteWriter): void {
  out.copy(bytes[start] === 0x74 ? trueBytes : falseBytes)
}

export function writeTimestamp(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const at = out.length
  writeQuoted(bytes, start, end, out)
  setT(out, at)
}

export function writeTimestamptz(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const zone = bytes.indexOf(utc, start)
  if (zone < 0 || zone >= end) {
    writeTimestamp(bytes, start, end, out)
    return
  }
  const at = out.length
  out.u8(0x22)
  out.copy(bytes, start, zone)
  out.u8(0x5a)
  // ` BC`
  out.copy(bytes, zone + 3, end)
  out.u8(0x22)
  setT(out, at)
}

function setT({ buffer, length }: ByteWriter, from: number): void {
  const at = buffer.indexOf(space, from)
  if (at >= 0 && at < length) buffer[at] = 0x54
}
