// Writes numbers, byte for byte as src/encode/json/write-number.ts does, which explains the rules.

import { GIVEN_UP, isDigit, MINUS, POINT, ZERO } from './bytes'
import { copyBytes } from './copy'
import { decimal, OTHER_FORM } from './decimal'
import { writeQuoted, writeText } from './text'

const deepestPlace: usize = 6

export function writePlain(o: usize, start: usize, end: usize): usize {
  copyBytes(o, start, end - start)
  return o + (end - start)
}

/** Writes a numeric: `[-]digits[.digits]`, NaN, Infinity or -Infinity. */
export function writeNumeric(o: usize, start: usize, end: usize): usize {
  if (start == end) return GIVEN_UP
  const first = load<u8>(start) == MINUS ? start + 1 : start
  if (first == end || !isDigit(load<u8>(first))) return writeQuoted(o, start, end)
  if (!isDeep(first, end)) return writePlain(o, start, end)
  const after = decimal(o, start, end, false)
  return after == OTHER_FORM ? writeText(o, start, end) : after
}

/** Returns a bit for each of 16 bytes that is a digit. */
export function digitsOf(bytes: v128): i32 {
  return i8x16.bitmask(i8x16.le_u(i8x16.sub(bytes, i8x16.splat(ZERO)), i8x16.splat(9)))
}

export function writeFloat(o: usize, start: usize, end: usize): usize {
  if (start == end) return GIVEN_UP
  const first = load<u8>(start) == MINUS ? start + 1 : start
  if (first == end || !isDigit(load<u8>(first))) return writeQuoted(o, start, end)
  let hasPoint = false
  let hasPower = false
  const length = end - first
  if (length <= 16) {
    const bytes = v128.load(first)
    const all = (1 << (<i32>length)) - 1
    const points = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(POINT))) & all
    hasPoint = points != 0
    hasPower = ((digitsOf(bytes) & all) | points) != all
  } else {
    for (let at = first; at < end; at++) {
      const byte = load<u8>(at)
      if (byte == POINT) hasPoint = true
      else if (!isDigit(byte)) hasPower = true
    }
  }
  const isMultipleOfTen = !hasPoint && load<u8>(end - 1) == ZERO && end - first > 1
  if (!hasPower && !isMultipleOfTen) return writePlain(o, start, end)
  const after = decimal(o, start, end, true)
  return after == OTHER_FORM ? writeText(o, start, end) : after
}

/** Writes a number of a JSON document. */
export function writeJsonNumber(o: usize, start: usize, end: usize): usize {
  const first = load<u8>(start) == MINUS ? start + 1 : start
  let hasPower = false
  for (let at = first; at < end; at++) {
    const byte = load<u8>(at)
    if (byte != POINT && !isDigit(byte)) hasPower = true
  }
  if (!hasPower && !isDeep(first, end)) return writePlain(o, start, end)
  const after = decimal(o, start, end, false)
  return after == OTHER_FORM ? writePlain(o, start, end) : after
}

/** Whether the first digit other than 0 of `0.000000…` comes after the sixth place. */
function isDeep(first: usize, end: usize): bool {
  if (end - first < deepestPlace + 3 || load<u8>(first) != ZERO) return false
  for (let at = first + 2; at < end; at++) {
    if (load<u8>(at) != ZERO) return at - (first + 2) >= deepestPlace
  }
  return false
}
