// Writes numbers as CockroachDB prints decimals. A decimal is a coefficient and an exponent of ten. It is printed plainly if
// the exponent is not positive and the first digit other than 0 is at most the sixth after the point; otherwise it is
// printed in scientific notation (`1E+20`).
//
//   numeric keeps its scale: 1.20 is 120 · 10^-2.   A float has no trailing zeros: 100000 is 1 · 10^5, printed as 1E+5.
// A zero is printed with all the digits of its scale. NaN and the infinities are strings, because JSON has no such numbers.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { writeQuoted, writeText } from './write-text.ts'
import type { ValueWriter } from './write-value.ts'

const zero = 0x30
const nine = 0x39
const point = 0x2e
const minus = 0x2d
const plus = 0x2b
const letterE = 0x45
/** A number whose first digit other than 0 is further after the point than this is printed in scientific notation. */
const deepestPlace = 6
/** So is a zero with a larger scale than this. */
const mostZeros = 2000
const largestPower = 1e9

/** An instance belongs to one encoder, because it has the digits of the number that it writes. */
export class NumberWriter {
  /** The digits of the number that is being written, without leading zeros. */
  #digits: Uint8Array = new Uint8Array(64)

  /** Writes a numeric: `[-]digits[.digits]`, NaN, Infinity or -Infinity. */
  readonly numeric: ValueWriter = (bytes, start, end, out) => {
    const first = bytes[start] === minus ? start + 1 : start
    if (first === end || !isDigit(bytes[first] as number)) return writeQuoted(bytes, start, end, out)
    if (!isDeep(bytes, first, end)) return out.copy(bytes, start, end)
    if (!this.#decimal(bytes, start, end, false, out)) writeText(bytes, start, end, out)
  }

  /** Writes a float. PostgreSQL prints the shortest digits, in a notation of its choice: `1e-05`, `0.0001`, `123000`, `1e+20`. */
  readonly float: ValueWriter = (bytes, start, end, out) => {
    const first = bytes[start] === minus ? start + 1 : start
    if (first === end || !isDigit(bytes[first] as number)) return writeQuoted(bytes, start, end, out)
    let hasPoint = false
    let hasPower = false
    for (let i = first; i < end; i++) {
      const byte = bytes[i] as number
      if (byte === point) hasPoint = true
      else if (!isDigit(byte)) hasPower = true
    }
    // A number that ends in 0 is a multiple of ten, because no 0 is printed at the end after a point.
    const isMultipleOfTen = !hasPoint && bytes[end - 1] === zero && end - first > 1
    if (!hasPower && !isMultipleOfTen) return out.copy(bytes, start, end)
    if (!this.#decimal(bytes, start, end, true, out)) writeText(bytes, start, end, out)
  }

  /** Writes a number of a JSON document. */
  readonly json: ValueWriter = (bytes, start, end, out) => {
    const first = bytes[start] === minus ? start + 1 : start
    let hasPower = false
    for (let i = first; i < end; i++) {
      const byte = bytes[i] as number
      if (byte !== point && !isDigit(byte)) hasPower = true
    }
    const isOdd = hasPower || isDeep(bytes, first, end)
    // A number whose power is too large for a decimal is copied.
    if (!isOdd || !this.#decimal(bytes, start, end, false, out)) out.copy(bytes, start, end)
  }

  /**
   * Writes `[-]digits[.digits][e[+-]digits]`; with `reduce`, without the zeros at the end of the coefficient.
   * Returns false if the bytes have another form; nothing is written then.
   */
  #decimal(bytes: Buffer, start: number, end: number, reduce: boolean, out: ByteWriter): boolean {
    if (this.#digits.length < end - start) this.#digits = new Uint8Array(2 * (end - start))
    const digits = this.#digits
    let at = bytes[start] === minus ? start + 1 : start
    let count = 0
    let exponent = 0
    let behindPoint = false
    for (; at < end; at++) {
      const byte = bytes[at] as number
      if (byte === point) {
        if (behindPoint) return false
        behindPoint = true
        continue
      }
      if (!isDigit(byte)) break
      if (behindPoint) exponent -= 1
      if (count > 0 || byte !== zero) digits[count++] = byte
    }
    if (at < end) {
      const power = readPower(bytes, at, end)
      if (power === undefined) return false
      exponent += power
    }
    if (count === 0) {
      digits[count++] = zero
      if (reduce) exponent = 0
    }
    while (reduce && count > 1 && digits[count - 1] === zero) {
      count -= 1
      exponent += 1
    }
    // There must be room for the sign, the digits, `0.` and zeros up to the sixth place, and for `E+` and a power.
    out.ensure(count + 32)
    if (bytes[start] === minus) out.buffer[out.length++] = minus
    const adjusted = exponent + count - 1
    const isShallow = adjusted >= -deepestPlace || (digits[0] === zero && exponent >= -mostZeros)
    if (exponent <= 0 && isShallow) writePositional(digits, count, -exponent, out)
    else writeScientific(digits, count, adjusted, out)
    return true
  }
}

/** Whether the first digit other than 0 of `0.000000…` comes after the sixth place. */
function isDeep(bytes: Buffer, first: number, end: number): boolean {
  if (bytes[first] !== zero || end - first < deepestPlace + 3) return false
  for (let i = first + 2; i < end; i++) {
    if (bytes[i] !== zero) return i - (first + 2) >= deepestPlace
  }
  return false
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= nine
}

/** Reads `e[+-]digits`; returns undefined if the bytes have another form or the power is too large. */
function readPower(bytes: Buffer, from: number, end: number): number | undefined {
  if (((bytes[from] as number) & ~0x20) !== letterE) return undefined
  let at = from + 1
  const sign = bytes[at]
  if (sign === minus || sign === plus) at += 1
  if (at >= end) return undefined
  let power = 0
  for (; at < end; at++) {
    const byte = bytes[at] as number
    if (!isDigit(byte)) return undefined
    power = power * 10 + byte - zero
    if (power > largestPower) return undefined
  }
  return sign === minus ? -power : power
}

/** Writes the number with the last `places` digits after the point; missing digits are zeros. */
function writePositional(digits: Uint8Array, count: number, places: number, out: ByteWriter): void {
  const missing = Math.max(0, places + 1 - count)
  out.ensure(count + missing + 1)
  for (let i = -missing; i < count; i++) {
    if (places > 0 && i === count - places) out.buffer[out.length++] = point
    out.buffer[out.length++] = i < 0 ? zero : (digits[i] as number)
  }
}

function writeScientific(digits: Uint8Array, count: number, power: number, out: ByteWriter): void {
  for (let i = 0; i < count; i++) {
    if (i === 1) out.buffer[out.length++] = point
    out.buffer[out.length++] = digits[i] as number
  }
  out.buffer[out.length++] = letterE
  out.buffer[out.length++] = power < 0 ? minus : plus
  out.latin1(String(Math.abs(power)))
}
