// Reads a row record of the changelog (a pgoutput insert, update or delete) and says what is to be printed of it.

import { fillUnchanged, hasUnchanged, isSame, OLD, readTuple, ROW } from './tuple'
import {
  headColumns,
  headDiff,
  headUpdated,
  listValueStep,
  stepBytes,
  stepValue,
} from '../src/encode/json/kernel/layout'

const insert: u8 = 0x49
const update: u8 = 0x55
const remove: u8 = 0x44
const oldKey: u8 = 0x4b
const oldRow: u8 = 0x4f
const newRow: u8 = 0x4e

/** Events that are to be emitted (RecordRun). */
const gone: u32 = 1
const there: u32 = 2

export const NOTHING: i32 = 0
export const INSERTED: i32 = 1
export const UPDATED: i32 = 2
export const DELETED: i32 = 3
/** The reference must read the record. */
export const REFERENCE: i32 = 4

/** Reads the rows of the record, and returns what is to be printed of it. */
export function readRecord(program: usize, tag: usize, end: usize, events: u32): i32 {
  const columns = load<u32>(program, headColumns)
  const isDiff = load<u32>(program, headDiff) != 0
  if (tag + 6 > end) return REFERENCE
  const kind = load<u8>(tag)
  const first = load<u8>(tag + 5)
  if (kind == insert) {
    if (first != newRow || readTuple(tag + 6, end, columns, ROW) != end) return REFERENCE
    return events & there ? INSERTED : NOTHING
  }
  if (kind == remove) {
    if ((first != oldRow && (first != oldKey || isDiff)) || readTuple(tag + 6, end, columns, OLD) != end)
      return REFERENCE
    return events & gone ? DELETED : NOTHING
  }
  if (kind != update) return REFERENCE
  const old = first == oldRow ? readTuple(tag + 6, end, columns, OLD) : tag + 5
  if (old == 0 || old >= end || load<u8>(old) != newRow) return REFERENCE
  if (readTuple(old + 1, end, columns, ROW) != end) return REFERENCE
  // That the key changes is two events. Without an old row it has not changed.
  if (first == oldRow ? !hasSameKey(program) : isDiff) return REFERENCE
  if (hasUnchanged(columns) && (first != oldRow || !fillUnchanged(columns))) return REFERENCE
  return events & there ? UPDATED : NOTHING
}

function hasSameKey(program: usize): bool {
  let step = program + load<u32>(program, headUpdated)
  for (
    const last = step + load<u32>(program, headUpdated + listValueStep) * stepBytes;
    step < last;
    step += stepBytes
  ) {
    const value = load<usize>(step, stepValue)
    if (!isSame(value, value - ROW + OLD)) return false
  }
  return true
}
