// Reads `[-]digits[.digits][e[+-]digits]` and prints it plainly or in scientific notation.

import { GIVEN_UP, isDigit, MINUS, PLUS, POINT, ZERO } from './bytes'
import { copyBytes } from './copy'

/** The bytes are no such number; nothing was written. */
export const OTHER_FORM: usize = 1

const deepestPlace: i32 = 6
const mostZeros: i32 = 2000
const largestPower: i64 = 1_000_000_000
/** Stands for a power that could not be read. */
const noPower: i32 = i32.MIN_VALUE
/** The reference encoder writes longer numbers, and those that become much longer than they were. */
const mostDigits: usize = 4096
const mostMissing: i32 = 16
const digits: usize = memory.data(4096 + 16)

/** With `reduce`, without the zeros at the end of the coefficient. */
export function decimal(o: usize, start: usize, end: usize, reduce: bool): usize {
  if (end - start > mostDigits) return GIVEN_UP
  const isNegative = load<u8>(start) == MINUS
  let at = isNegative ? start + 1 : start
  let count: i32 = 0
  let exponent: i32 = 0
  let afterPoint = false
  for (; at < end; at++) {
    const byte = load<u8>(at)
    if (byte == POINT) {
      if (afterPoint) return OTHER_FORM
      afterPoint = true
      continue
    }
    if (!isDigit(byte)) break
    if (afterPoint) exponent -= 1
    if (count > 0 || byte != ZERO) store<u8>(digits + count++, byte)
  }
  if (at < end) {
    const power = readPower(at, end)
    if (power == noPower) return OTHER_FORM
    exponent += power
  }
  if (count == 0) {
    store<u8>(digits + count++, ZERO)
    if (reduce) exponent = 0
  }
  while (reduce && count > 1 && load<u8>(digits + count - 1) == ZERO) {
    count -= 1
    exponent += 1
  }
  const adjusted = exponent + count - 1
  const isShallow = adjusted >= -deepestPlace || (load<u8>(digits) == ZERO && exponent >= -mostZeros)
  const isPositional = exponent <= 0 && isShallow
  if (isPositional && 1 - exponent - count > mostMissing) return GIVEN_UP
  if (isNegative) store<u8>(o++, MINUS)
  return isPositional ? writePositional(o, count, -exponent) : writeScientific(o, count, adjusted)
}

/** Reads `e[+-]digits`. */
function readPower(from: usize, end: usize): i32 {
  if ((load<u8>(from) & 0xdf) != 0x45) return noPower
  let at = from + 1
  if (at >= end) return noPower
  const sign = load<u8>(at)
  if (sign == MINUS || sign == PLUS) at += 1
  if (at >= end) return noPower
  let power: i64 = 0
  for (; at < end; at++) {
    const byte = load<u8>(at)
    if (!isDigit(byte)) return noPower
    power = power * 10 + (byte - ZERO)
    if (power > largestPower) return noPower
  }
  return <i32>(sign == MINUS ? -power : power)
}

/** Writes the number with the last `places` digits after the point; missing digits are zeros. */
function writePositional(o: usize, count: i32, places: i32): usize {
  for (let i = min(0, count - places - 1); i < count; i++) {
    if (places > 0 && i == count - places) store<u8>(o++, POINT)
    store<u8>(o++, i < 0 ? ZERO : load<u8>(digits + i))
  }
  return o
}

function writeScientific(o: usize, count: i32, power: i32): usize {
  store<u8>(o++, load<u8>(digits))
  if (count > 1) {
    store<u8>(o++, POINT)
    copyBytes(o, digits + 1, count - 1)
    o += count - 1
  }
  store<u16>(o, power < 0 ? 0x2d45 : 0x2b45)
  return writeDigits(o + 2, <u64>(power < 0 ? -power : power))
}

/** Writes a number without a sign. */
export function writeDigits(o: usize, value: u64): usize {
  let length: usize = 1
  for (let rest = value / 10; rest > 0; rest /= 10) length += 1
  let rest = value
  for (let at = o + length - 1; at >= o; at--) {
    store<u8>(at, ZERO + <u8>(rest % 10))
    rest /= 10
  }
  return o + length
}
