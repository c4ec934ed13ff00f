// Writes intervals as text in ISO 8601. PostgreSQL prints `1 year 2 mons -3 days +04:05:06.789` in the style of its own, and
// in the style of ISO, in which a unit without a value is left out, `P1Y2M-3DT4H5M6.789S`. No time at all is `PT0S`.
//
//   interval := [number unit {, number unit}] [sign hours:minutes:seconds[.fraction]] | infinity | -infinity

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { branch, malformed } from './value-writer.ts'
import { writeTextAs } from './write-text.ts'

const zero = 0x30
const nine = 0x39
const minus = 0x2d
const plus = 0x2b
const colon = 0x3a
const point = 0x2e
const space = 0x20
const letter = { i: 0x69, D: 0x44, H: 0x48, M: 0x4d, P: 0x50, S: 0x53, T: 0x54 } as const
/** The longest interval has fewer characters, so that one byte is enough for the length. */
const mostBytes = 63

/** The units by the first letter of their names in PostgreSQL: year, mon, day. */
const units: Readonly<Record<number, number>> = { 0x79: 0x59, 0x6d: letter.M, 0x64: letter.D }

export function writeInterval(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const isInfinite = bytes[bytes[start] === minus ? start + 1 : start] === letter.i
  if (isInfinite) return writeTextAs(branch.first, bytes, start, end, out)
  // The text in ISO 8601 is shorter.
  out.ensure(end - start + 8)
  const { buffer } = out
  const from = out.length
  let to = from + 2
  buffer[to++] = letter.P
  let at = start
  while (at < end) {
    let next = at
    while (next < end && bytes[next] !== space && bytes[next] !== colon) next += 1
    if (next === at || next - at > 11) throw malformed('interval')
    if (next < end && bytes[next] === colon) {
      to = clock(bytes, at, end, buffer, to)
      break
    }
    const unit = units[bytes[next + 1] as number]
    if (unit === undefined) throw malformed('interval')
    to = number(bytes, at, next, buffer, to)
    buffer[to++] = unit
    at = next + 1
    while (at < end && bytes[at] !== space) at += 1
    at += 1
  }
  if (to === from + 3) {
    buffer[to++] = letter.T
    buffer[to++] = zero
    buffer[to++] = letter.S
  }
  if (to - from - 2 > mostBytes) throw malformed('interval')
  buffer[from] = branch.first
  buffer[from + 1] = 2 * (to - from - 2)
  out.length = to
}

/** Writes the units of `[sign]hh:mm:ss[.fraction]` that are not zero. */
function clock(bytes: Buffer, start: number, end: number, buffer: Buffer, target: number): number {
  const isNegative = bytes[start] === minus
  let at = isNegative || bytes[start] === plus ? start + 1 : start
  let to = target
  buffer[to++] = letter.T
  for (const unit of [letter.H, letter.M, letter.S]) {
    let next = at
    let isZero = true
    while (next < end && bytes[next] !== colon) {
      const byte = bytes[next++] as number
      if (byte === point && unit === letter.S) continue
      if (byte < zero || byte > nine) throw malformed('interval')
      if (byte !== zero) isZero = false
    }
    if (next === at || next - at > 12 || (next === end) !== (unit === letter.S)) throw malformed('interval')
    if (!isZero) {
      if (isNegative) buffer[to++] = minus
      while (bytes[at] === zero && bytes[at + 1] !== point) at += 1
      while (at < next) buffer[to++] = bytes[at++] as number
      buffer[to++] = unit
    }
    at = next + 1
  }
  return to === target + 1 ? target : to
}

/** Copies a number without a plus. */
function number(bytes: Buffer, start: number, end: number, buffer: Buffer, target: number): number {
  let to = target
  for (let i = bytes[start] === plus ? start + 1 : start; i < end; i++) {
    const byte = bytes[i] as number
    if ((byte < zero || byte > nine) && !(byte === minus && i === start)) throw malformed('interval')
    buffer[to++] = byte
  }
  return to
}
