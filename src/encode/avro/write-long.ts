// Writes longs and ints as Avro does: zig-zag (0, -1, 1, -2, … are 0, 1, 2, 3, …), then seven bits per byte, lowest first.
// A number of 64 bits is two unsigned numbers of 32 bits here, because bigints would be an object for each value.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { branch, malformed } from './value-writer.ts'

const zero = 0x30
const minus = 0x2d
const twoTo16 = 0x10000
const twoTo32 = 0x1_0000_0000
/** As many digits are always a safe integer. */
const safeDigits = 15

/** Writes an integer in decimal digits. */
export function writeLongText(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const isNegative = bytes[start] === minus
  const first = isNegative ? start + 1 : start
  const digits = end - first
  if (digits < 1 || digits > 19) throw malformed('bigint')
  out.ensure(11)
  out.buffer[out.length++] = branch.first
  if (digits <= safeDigits) return writeMagnitude(number(bytes, first, end), 1, 0, isNegative, out)
  writeMagnitude(number(bytes, first, end - 9), 1e9, number(bytes, end - 9, end), isNegative, out)
}

function number(bytes: Buffer, start: number, end: number): number {
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - zero
    if (digit < 0 || digit > 9) throw malformed('bigint')
    value = value * 10 + digit
  }
  return value
}

/** Writes a safe integer without a branch. */
export function writeLong(value: number, out: ByteWriter): void {
  out.ensure(10)
  writeMagnitude(Math.abs(value), 1, 0, value < 0, out)
}

/**
 * Writes ±(a · factor + b), which must fit into 64 bits. `a` and `a / 2^16 · factor` are safe integers, and `b` is not
 * more than `factor`. There must be room for ten bytes.
 */
export function writeMagnitude(a: number, factor: number, b: number, isNegative: boolean, out: ByteWriter): void {
  if (factor === 1) {
    if (a < 0x4000_0000) return writeSmall(isNegative ? 2 * a - 1 : 2 * a, a, out)
    const high = Math.floor(a / twoTo32)
    return writeZigZag(high, a - high * twoTo32, isNegative, out)
  }
  // The remainder of a number that is no int32 is slow in V8, so remainders are differences here.
  const aHigh = Math.floor(a / twoTo16)
  const upper = aHigh * factor
  const upperHigh = Math.floor(upper / twoTo16)
  const lower = (upper - upperHigh * twoTo16) * twoTo16 + (a - aHigh * twoTo16) * factor + b
  const lowerHigh = Math.floor(lower / twoTo32)
  writeZigZag(upperHigh + lowerHigh, lower - lowerHigh * twoTo32, isNegative, out)
}

function writeSmall(zigZag: number, magnitude: number, out: ByteWriter): void {
  // There is no negative zero.
  let rest = magnitude === 0 ? 0 : zigZag
  const { buffer } = out
  let at = out.length
  while (rest > 0x7f) {
    buffer[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[at++] = rest
  out.length = at
}

function writeZigZag(high: number, low: number, isNegative: boolean, out: ByteWriter): void {
  let upper = ((high << 1) | (low >>> 31)) >>> 0
  let lower = (low << 1) >>> 0
  if (isNegative && (lower !== 0 || upper !== 0 || high !== 0)) {
    if (lower === 0) upper = (upper - 1) >>> 0
    lower = (lower - 1) >>> 0
  }
  const { buffer } = out
  let at = out.length
  while (upper !== 0 || lower > 0x7f) {
    buffer[at++] = (lower & 0x7f) | 0x80
    lower = ((lower >>> 7) | (upper << 25)) >>> 0
    upper >>>= 7
  }
  buffer[at++] = lower
  out.length = at
}

/** Writes the 64 bits of two words as a signed number. There must be room for ten bytes. */
export function writeWord(high: number, low: number, out: ByteWriter): void {
  if (high < 0x8000_0000) return writeZigZag(high, low, false, out)
  // The magnitude of a negative number is the complement plus one.
  const complement = (~low >>> 0) + 1
  writeZigZag((~high >>> 0) + (complement === twoTo32 ? 1 : 0), complement >>> 0, true, out)
}
