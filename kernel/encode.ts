// The door of the kernel: encodes the records that the host has put into its memory into messages. It stops at the first record
// that it cannot write, and where the output is full; the host then continues after it, or with it.

import { GIVEN_UP } from './bytes'
import { DELETED, INSERTED, NOTHING, readRecord, REFERENCE } from './records'
import { forgetStamps } from './stamps'
import { setStamps, writeList } from './steps'
import {
  entriesAt,
  entryBytes,
  headDeleted,
  headFixed,
  headInserted,
  headKeyGone,
  headKeyThere,
  headUpdated,
  inputAt,
  keyStartsAt,
  nilValuesAt,
  outputAt,
  outputEnd,
  pointersAt,
  recordsAt,
  resultsAt,
  valueEndsAt,
  valueStartsAt,
} from '../src/encode/json/kernel/layout'

/** A byte of a record becomes at most so many in each of the key, the row, and the key in the value. */
const largestGrowth: u32 = 18
const OUTPUT: usize = outputAt
const END: u32 = outputEnd

/**
 * Encodes the records `[from, count)`. `delta` is the offset in the block of what lies at the start of the input, `base` what is
 * added to each offset of a message, and `updated` the timestamp of all records in place of their own; -1: they have their own.
 */
export function encode(from: u32, count: u32, delta: u32, base: u32, updated: i32): void {
  forgetStamps()
  let o = OUTPUT
  let messages: u32 = 0
  let largest: u32 = 0
  let record = from
  for (; record < count; record++) {
    const entry: usize = entriesAt + record * entryBytes
    const tag: usize = inputAt + (load<u32>(entry) - delta)
    const what = load<u32>(entry, 4)
    // 0: there was no room for the program.
    const program = load<u32>(pointersAt + ((what & 0xffff) << 2))
    const length = bswap(load<u32>(tag - 4))
    if (program == 0 || length > END || o + load<u32>(program, headFixed) + largestGrowth * length > END) break
    const read = readRecord(program, tag, tag + length, what >> 16)
    if (read == REFERENCE) break
    if (read == NOTHING) continue
    const stamp = load<u32>(entry, 8)
    setStamps(stamp, updated < 0 ? stamp : updated)
    const valueStart = writeList(o, program, read == DELETED ? headKeyGone : headKeyThere)
    if (valueStart == GIVEN_UP) break
    const list = read == INSERTED ? headInserted : read == DELETED ? headDeleted : headUpdated
    const end = writeList(valueStart, program, list)
    if (end == GIVEN_UP) break
    store<u32>(keyStartsAt + (messages << 2), base + <u32>(o - OUTPUT))
    store<u32>(valueStartsAt + (messages << 2), base + <u32>(valueStart - OUTPUT))
    store<u32>(valueEndsAt + (messages << 2), base + <u32>(end - OUTPUT))
    store<u32>(recordsAt + (messages << 2), record)
    store<u8>(nilValuesAt + messages, load<u32>(program + list, 4) == 0 ? 1 : 0)
    largest = max(largest, <u32>(end - o))
    messages += 1
    o = end
  }
  store<u32>(resultsAt, record)
  store<u32>(resultsAt, messages, 4)
  store<u32>(resultsAt, <u32>(o - OUTPUT), 8)
  store<u32>(resultsAt, largest, 12)
}
