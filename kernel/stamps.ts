// Prints timestamps: `<wall nanoseconds>.<logical, ten digits>`. The last ones are kept, because all rows of a transaction have the
// same, and rows of COPY have two.

import { POINT, ZERO } from './bytes'
import { copyBytes } from './copy'
import { writeDigits } from './decimal'
import { stampBytes, stampsAt } from '../src/encode/json/kernel/layout'

const nanosPerSecond: u64 = 1_000_000_000
const none: u32 = u32.MAX_VALUE

/** Two texts, of which one is of the last even timestamp and the other of the last odd one: for each its number, its length and the text. */
const kept: usize = memory.data(128)
const keptBytes: usize = 64
const keptText: usize = 8

/** Called when the timestamps are other ones. */
export function forgetStamps(): void {
  forgetStamp(0)
  forgetStamp(1)
}

export function forgetStamp(stamp: u32): void {
  store<u32>(kept + <usize>(stamp & 1) * keptBytes, none)
}

export function writeStamp(o: usize, stamp: u32): usize {
  const place = kept + <usize>(stamp & 1) * keptBytes
  if (load<u32>(place) != stamp) print(stamp, place)
  const length = load<u32>(place, 4)
  copyBytes(o, place + keptText, length)
  return o + length
}

function print(stamp: u32, place: usize): void {
  const text = place + keptText
  const from = stampsAt + stamp * stampBytes
  const wall = load<u64>(from)
  const seconds = wall / nanosPerSecond
  const nanos = <u32>(wall - seconds * nanosPerSecond)
  let o = text
  if (seconds == 0) o = writeDigits(o, nanos)
  else o = writePadded(writeDigits(o, seconds), nanos, 9)
  store<u8>(o, POINT)
  store<u32>(place, stamp)
  store<u32>(place, <u32>(writePadded(o + 1, load<u32>(from + 8), 10) - text), 4)
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
