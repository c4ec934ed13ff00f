// The messages that a call writes, one after the other, and what it says of each.

import { GIVEN_UP } from './bytes'
import { valueStart, writeList } from './steps'
import {
  bordersAt,
  listIsNil,
  mostGrowth,
  mostMessages,
  nilValuesAt,
  outputAt,
  outputEnd,
  recordsAt,
  resultsAt,
  headFixed,
  valueStartsAt,
} from '../src/encode/json/kernel/layout'

/** A byte of a row becomes at most `mostGrowth` in each of the key, the row, and the key in the value. */
const largestGrowth: u32 = 3 * mostGrowth
const OUTPUT: usize = outputAt
const END: usize = outputEnd

let o: usize = OUTPUT
let count: u32 = 0
let largest: u32 = 0
/** What is added to each offset of a message. */
let shift: u32 = 0

/** `base`: the offset that the first message will have in its batch. */
export function beginMessages(base: u32): void {
  o = OUTPUT
  count = 0
  largest = 0
  shift = base - <u32>OUTPUT
  store<u32>(bordersAt, base)
}

/** Whether there is room for the message of a row with so many bytes. Where nothing has been written, there is none for it at all. */
export function hasRoom(program: usize, bytes: u32): bool {
  return (
    count < <u32>mostMessages &&
    bytes <= <u32>(END - OUTPUT) &&
    o + load<u32>(program, headFixed) + largestGrowth * bytes <= END
  )
}

/** `list` is the place of a list in the head of the program. Returns false if the reference must write the message. */
export function writeMessage(program: usize, list: usize, record: u32): bool {
  const start = o
  const end = writeList(start, program, list)
  if (end == GIVEN_UP) return false
  const place = count << 2
  store<u32>(bordersAt + 4 + place, shift + <u32>end)
  store<u32>(valueStartsAt + place, shift + <u32>valueStart)
  store<u32>(recordsAt + place, record)
  store<u8>(nilValuesAt + count, load<u8>(program + list, listIsNil))
  largest = max(largest, <u32>(end - start))
  count += 1
  o = end
  return true
}

/** `done`: what is not written yet. `isLeft`: the reference must write that. */
export function endMessages(done: u32, isLeft: bool): void {
  store<u32>(resultsAt, done)
  store<u32>(resultsAt, count, 4)
  store<u32>(resultsAt, <u32>(o - OUTPUT), 8)
  store<u32>(resultsAt, largest, 12)
  store<u32>(resultsAt, isLeft || (o == OUTPUT && count == 0) ? 1 : 0, 16)
}
