// Numbers print as arbitrary-precision decimals do: a coefficient and an exponent of ten, plain when the exponent is not
// positive and the first digit stands no deeper than the sixth place behind the point, else scientific (`1E+20`).
//
//   numeric keeps its scale: 1.20 is 120 · 10^-2.   A float has no trailing zeros: 100000 is 1 · 10^5, and prints 1E+5.
// NaN and the infinities are strings: JSON has no such numbers.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { writeQuoted } from './write-text.ts'

const zero = 0x30
const nine = 0x39
const point = 0x2e
const minus = 0x2d

export function writeNumeric(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const first = bytes[start] === minus ? start + 1 : start
  if (!isDigit(bytes[first])) return writeQuoted(bytes, start, end, out)
  // Only `0.000000…` can lie deeper than the sixth place.
  if (bytes[first] !== zero || end - first < 9) return out.copy(bytes, start, end)
  out.latin1(decimalText(bytes.toString('latin1', start, end), false))
}

export function writeFloat(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const first = bytes[start] === minus ? start + 1 : start
  if (!isDigit(bytes[first])) return writeQuoted(bytes, start, end, out)
  // What ends in a digit other than 0 and has no exponent is plain already, unless it is deep: 0.0001 at the least here.
  const last = bytes[end - 1] as number
  if (last !== zero && isPlain(bytes, first, end)) return out.copy(bytes, start, end)
  out.latin1(decimalText(bytes.toString('latin1', start, end), true))
}

function isPlain(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    if ((byte < zero || byte > nine) && byte !== point) return false
  }
  return true
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= zero && byte <= nine
}

/** `[-]digits[.digits][e[+-]digits]` as the text of a decimal. `reduce`: without trailing zeros of the coefficient. */
export function decimalText(text: string, reduce: boolean): string {
  const match = /^(-?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text)
  if (match === null) return JSON.stringify(text)
  const [, sign = '', whole = '', fraction = '', power = '0'] = match
  let digits = (whole + fraction).replace(/^0+(?=.)/, '')
  let exponent = Number(power) - fraction.length
  if (reduce && digits === '0') exponent = 0
  while (reduce && digits.length > 1 && digits.endsWith('0')) {
    digits = digits.slice(0, -1)
    exponent += 1
  }
  const adjusted = exponent + digits.length - 1
  if (exponent <= 0 && adjusted >= -6) {
    if (exponent === 0) return sign + digits
    const padded = digits.padStart(1 - exponent, '0')
    return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`
  }
  const rest = digits.length > 1 ? `.${digits.slice(1)}` : ''
  return `${sign}${digits[0]}${rest}E${adjusted < 0 ? '-' : '+'}${Math.abs(adjusted)}`
}
