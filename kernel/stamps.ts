// Prints timestamps: `<wall nanoseconds>.<logical, ten digits>`. The last one is kept, because all rows of a transaction have it.

import { POINT, ZERO } from './bytes'
import { copyBytes } from './copy'
import { writeDigits } from './decimal'
import { stampBytes, stampsAt } from '../src/encode/json/kernel/layout'

const nanosPerSecond: u64 = 1_000_000_000
const text: usize = memory.data(64)
let length: usize = 0
let printed: u32 = u32.MAX_VALUE

/** Called when the timestamps are other ones. */
export function forgetStamps(): void {
  printed = u32.MAX_VALUE
}

export function writeStamp(o: usize, stamp: u32): usize {
  if (stamp != printed) print(stamp)
  copyBytes(o, text, length)
  return o + length
}

function print(stamp: u32): void {
  const from = stampsAt + stamp * stampBytes
  const wall = load<u64>(from)
  const seconds = wall / nanosPerSecond
  const nanos = <u32>(wall - seconds * nanosPerSecond)
  let o = text
  if (seconds == 0) o = writeDigits(o, nanos)
  else o = writePadded(writeDigits(o, seconds), nanos, 9)
  store<u8>(o, POINT)
  length = writePadded(o + 1, load<u32>(from + 8), 10) - text
  printed = stamp
}

function writePadded(o: usize, value: u32, places: usize): usize {
  let rest = value
  for (let at = o + places - 1; at >= o; at--) {
    const next = rest / 10
    store<u8>(at, ZERO + <u8>(rest - 10 * next))
    rest = next
  }
  return o + places
}
