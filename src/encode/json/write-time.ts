// Writes booleans and timestamps. PostgreSQL prints `2006-01-02 15:04:05.999999+00` (the time zone of the session is UTC),
// without zeros at the end of the fraction. The JSON has a `T` between date and time, and a `Z` in place of the zone.
// `infinity`, `-infinity` and the ` BC` after early times are copied.

import type { ByteWriter } from '../../bytes/byte-writer.ts'

const quote = 0x22
const space = 0x20
const plus = 0x2b
const zero = 0x30
const letterT = 0x54
const letterZ = 0x5a
const trueBytes = Buffer.from('true')
const falseBytes = Buffer.from('false')

export function writeBool(bytes: Buffer, start: number, _end: number, out: ByteWriter): void {
  out.copy(bytes[start] === 0x74 ? trueBytes : falseBytes)
}

export function writeTimestamp(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  out.ensure(end - start + 2)
  const { buffer } = out
  let at = out.length
  buffer[at++] = quote
  let i = start
  while (i < end && bytes[i] !== space) buffer[at++] = bytes[i++] as number
  if (i < end) {
    buffer[at++] = letterT
    i += 1
  }
  while (i < end) buffer[at++] = bytes[i++] as number
  buffer[at++] = quote
  out.length = at
}

export function writeTimestamptz(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  let zone = start
  while (zone < end && bytes[zone] !== plus) zone += 1
  if (!isUtc(bytes, zone, end)) return writeTimestamp(bytes, start, end, out)
  out.ensure(end - start + 2)
  writeTimestamp(bytes, start, zone, out)
  const { buffer } = out
  // Overwrites the closing quote.
  let at = out.length - 1
  buffer[at++] = letterZ
  for (let i = zone + 3; i < end; i++) buffer[at++] = bytes[i] as number
  buffer[at++] = quote
  out.length = at
}

/** Whether the zone is `+00` without minutes. */
function isUtc(bytes: Buffer, zone: number, end: number): boolean {
  if (zone + 3 > end || bytes[zone + 1] !== zero || bytes[zone + 2] !== zero) return false
  return zone + 3 === end || bytes[zone + 3] === space
}
