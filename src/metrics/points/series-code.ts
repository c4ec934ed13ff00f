// The points of a series of one hour as bytes: a unit, and runs of points. A run is the number of slots without a point before it, the
// number of its points, and the differences of their values from each other in the unit; equal values in a row take one number.
// Values are rounded to what a graph shows: to a thousandth, and times in nanoseconds to what their size allows.

import { slotsPerHour } from './series-key.ts'

const units: readonly number[] = [1e6, 1e3, 1, 1e-3]

/** NaN: there is no point. */
export function encodeSeries(values: Float64Array): Uint8Array {
  const unitAt = unitOf(values)
  const unit = units[unitAt] as number
  const out: number[] = [unitAt]
  let last = 0
  for (let slot = 0; slot < values.length;) {
    const from = slot
    while (slot < values.length && Number.isNaN(values[slot])) slot++
    if (slot === values.length) break
    putNumber(out, slot - from)
    let end = slot
    while (end < values.length && !Number.isNaN(values[end])) end++
    putNumber(out, end - slot)
    let same = 0
    for (; slot < end; slot++) {
      const value = Math.round((values[slot] as number) / unit)
      if (value === last) {
        same += 1
        continue
      }
      putSame(out, same)
      same = 0
      const difference = value - last
      putNumber(out, difference > 0 ? difference * 2 : -difference * 2 - 1)
      last = value
    }
    putSame(out, same)
  }
  return Uint8Array.from(out)
}

/** Throws a RangeError if the bytes are no series. */
export function decodeSeries(bytes: Uint8Array): Float64Array {
  const values = new Float64Array(slotsPerHour).fill(Number.NaN)
  const unit = units[bytes[0] ?? 0] ?? 1
  const reader = { bytes, at: 1 }
  let last = 0
  for (let slot = 0; reader.at < bytes.length;) {
    slot += takeNumber(reader)
    const end = slot + takeNumber(reader)
    if (end > slotsPerHour) throw new RangeError('more points than an hour has')
    while (slot < end) {
      const code = takeNumber(reader)
      let count = 1
      if (code === 0) count = takeNumber(reader)
      else last += code % 2 === 0 ? code / 2 : -(code + 1) / 2
      if (count === 0 || slot + count > end) throw new RangeError('a run of points without an end')
      values.fill(last * unit, slot, slot + count)
      slot += count
    }
  }
  return values
}

/** The largest unit in which all values are whole; at least one in which the largest of them has a difference of 53 bits. */
function unitOf(values: Float64Array): number {
  const whole = units.findIndex((unit) => values.every((value) => Number.isNaN(value) || fits(value, unit)))
  const most = values.reduce((so, value) => (Number.isNaN(value) ? so : Math.max(so, Math.abs(value))), 0)
  const small = units.findLastIndex((unit) => (4 * most) / unit < Number.MAX_SAFE_INTEGER)
  return Math.min(whole < 0 ? units.length - 1 : whole, Math.max(small, 0))
}

function fits(value: number, unit: number): boolean {
  return Math.abs(Math.round(value / unit) * unit - value) <= Math.abs(value) * 1e-12
}

function putSame(out: number[], count: number): void {
  if (count === 0) return
  out.push(0)
  putNumber(out, count)
}

/** Seven bits in a byte, the lowest first. Numbers may have 53 bits, so they are divided, not shifted. */
function putNumber(out: number[], number: number): void {
  let rest = number
  while (rest >= 0x80) {
    out.push((rest % 0x80) + 0x80)
    rest = Math.floor(rest / 0x80)
  }
  out.push(rest)
}

function takeNumber(reader: { readonly bytes: Uint8Array; at: number }): number {
  let number = 0
  for (let factor = 1; ; factor *= 0x80) {
    const byte = reader.bytes[reader.at++]
    if (byte === undefined) throw new RangeError('a series ends in the middle of a number')
    number += (byte % 0x80) * factor
    if (byte < 0x80) return number
  }
}
