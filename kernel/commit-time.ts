// The commit time of a row of COPY, which is its `mvcc_timestamp`: microseconds since 1970, in decimal, or NULL.

import { isDigit, ZERO } from './bytes'
import { forgetStamp } from './stamps'
import { setStamps } from './steps'
import { NULL } from './tuple'
import { stampBytes, stampsAt } from '../src/encode/json/kernel/layout'

/** Others are far from any time at which a row was committed; the reference prints them. */
const mostDigits: usize = 16
/** The timestamps of the scan and of the row. */
const ofScan: u32 = 0
const ofRow: u32 = 1

/** Sets the timestamps of the row to the earlier of its commit time and the time of the scan. Returns false if the reference must read it. */
export function readCommitTime(value: usize): bool {
  const start = load<usize>(value)
  if (start == NULL) {
    setStamps(ofScan, ofScan)
    return true
  }
  const end = load<usize>(value, 4)
  if (end == start || end - start > mostDigits) return false
  let read: u64 = 0
  for (let at = start; at < end; at++) {
    const byte = load<u8>(at)
    if (!isDigit(byte)) return false
    read = read * 10 + (byte - ZERO)
  }
  const wall = read * 1000
  // The logical part of a commit time is 0.
  if (wall > load<u64>(stampsAt)) {
    setStamps(ofScan, ofScan)
    return true
  }
  if (load<u64>(stampsAt + stampBytes) != wall) forgetStamp(ofRow)
  store<u64>(stampsAt + stampBytes, wall)
  store<u64>(stampsAt + stampBytes, 0, 8)
  setStamps(ofRow, ofScan)
  return true
}
