// Writes booleans and timestamps, byte for byte as src/encode/json/write-time.ts does.

import { GIVEN_UP, PLUS, QUOTE, SPACE, ZERO } from './bytes'
import { copyBytes, find } from './copy'

export function writeBool(o: usize, start: usize, end: usize): usize {
  if (start == end) return GIVEN_UP
  if (load<u8>(start) == 0x74) {
    // true
    store<u32>(o, 0x65757274)
    return o + 4
  }
  // false
  store<u32>(o, 0x736c6166)
  store<u8>(o + 4, 0x65)
  return o + 5
}

export function writeTimestamp(o: usize, start: usize, end: usize): usize {
  store<u8>(o, QUOTE)
  o = writeMoment(o + 1, start, end)
  store<u8>(o, QUOTE)
  return o + 1
}

/** The zone of the sessions is UTC, which becomes `Z`. ` BC` comes after it. */
export function writeTimestamptz(o: usize, start: usize, end: usize): usize {
  const zone = find(PLUS, start, end)
  if (!isUtc(zone, end)) return writeTimestamp(o, start, end)
  store<u8>(o, QUOTE)
  o = writeMoment(o + 1, start, zone)
  store<u8>(o, 0x5a)
  const rest = end - (zone + 3)
  if (rest > 0) copyBytes(o + 1, zone + 3, rest)
  o += rest + 1
  store<u8>(o, QUOTE)
  return o + 1
}

/** Copies a date and a time with a `T` in place of the first space. */
function writeMoment(o: usize, start: usize, end: usize): usize {
  const length = end - start
  copyBytes(o, start, length)
  const space = find(SPACE, start, end)
  if (space < end) store<u8>(o + (space - start), 0x54)
  return o + length
}

/** Whether the zone is `+00` without minutes. */
function isUtc(zone: usize, end: usize): bool {
  if (zone + 3 > end || load<u8>(zone + 1) != ZERO || load<u8>(zone + 2) != ZERO) return false
  return zone + 3 == end || load<u8>(zone + 3) == SPACE
}
