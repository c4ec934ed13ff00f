// Reads pgoutput's tuples into arrays of addresses, as src/decode/pgoutput/tuple.ts does. What is not as it should be is left
// to the reference, which knows the errors.

import { oldAt, rowAt } from '../src/encode/json/kernel/layout'

/** In place of the start of a value. */
export const NULL: usize = 0
export const UNCHANGED: usize = 1

/** The values of the row and of the old row. */
export const ROW: usize = rowAt
export const OLD: usize = oldAt

/** Returns the address after the tuple; 0 if it is malformed. */
export function readTuple(at: usize, end: usize, columns: u32, to: usize): usize {
  if (at + 2 > end || <u32>bswap(load<u16>(at)) != columns) return 0
  at += 2
  for (const last = to + (columns << 3); to < last; to += 8) {
    if (at >= end) return 0
    const kind = load<u8>(at)
    if (kind == 0x74) {
      if (at + 5 > end) return 0
      const length = bswap(load<u32>(at + 1))
      at += 5
      if (length > <u32>(end - at)) return 0
      store<usize>(to, at)
      at += length
      store<usize>(to, at, 4)
    } else {
      if (kind == 0x6e) store<usize>(to, NULL)
      else if (kind == 0x75) store<usize>(to, UNCHANGED)
      else return 0
      at += 1
    }
  }
  return at
}

/** Whether the row has values that the update did not send. */
export function hasUnchanged(columns: u32): bool {
  for (let i: usize = 0; i < columns; i++) if (load<usize>(ROW + (i << 3)) == UNCHANGED) return true
  return false
}

/** Takes those values from the old row. Returns false if it does not have them either. */
export function fillUnchanged(columns: u32): bool {
  for (let i: usize = 0; i < columns; i++) {
    if (load<usize>(ROW + (i << 3)) != UNCHANGED) continue
    if (load<usize>(OLD + (i << 3)) == UNCHANGED) return false
    store<u64>(ROW + (i << 3), load<u64>(OLD + (i << 3)))
  }
  return true
}

/** Whether a value of the row is the same as one of the old row; an unchanged value is. */
export function isSame(row: usize, old: usize): bool {
  const start = load<usize>(row)
  const other = load<usize>(old)
  if (start == UNCHANGED) return true
  if (start == NULL || other <= UNCHANGED) return start == other
  const length = load<usize>(row, 4) - start
  return load<usize>(old, 4) - other == length && memory.compare(start, other, length) == 0
}
