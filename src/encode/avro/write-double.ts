// Writes floats as doubles. Most floats have few digits: then digits and power of ten are exact doubles, and so is what one
// multiplication or division rounds. JavaScript reads the others.

import { branch, malformed, type ValueWriter } from './value-writer.ts'

const zero = 0x30
const point = 0x2e
const minus = 0x2d
/** As many digits are always a safe integer. */
const safeDigits = 15
/** The powers of ten that doubles hold exactly. */
const powers = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))

export function doubleWriter(): ValueWriter {
  const value = new Float64Array(1)
  const bytesOf = new Uint8Array(value.buffer)
  return (bytes, start, end, out) => {
    value[0] = read(bytes, start, end)
    out.ensure(9)
    const { buffer } = out
    let at = out.length
    buffer[at++] = branch.first
    for (let i = 0; i < 8; i++) buffer[at++] = bytesOf[i] as number
    out.length = at
  }
}

function read(bytes: Buffer, start: number, end: number): number {
  const isNegative = bytes[start] === minus
  let digits = 0
  let value = 0
  let places = -1
  for (let i = isNegative ? start + 1 : start; i < end; i++) {
    const byte = bytes[i] as number
    if (byte === point && places < 0) {
      places = 0
      continue
    }
    const digit = byte - zero
    if (digit < 0 || digit > 9) return readAny(bytes, start, end)
    if (digits > 0 || digit > 0) digits += 1
    value = value * 10 + digit
    if (places >= 0) places += 1
  }
  if (digits > safeDigits || places > 22 || end === start) return readAny(bytes, start, end)
  if (places > 0) value /= powers[places] as number
  return isNegative ? -value : value
}

function readAny(bytes: Buffer, start: number, end: number): number {
  const text = bytes.toString('latin1', start, end)
  const value = Number(text)
  if (text.trim() === '' || (Number.isNaN(value) && text !== 'NaN')) throw malformed('double precision')
  return value
}
