// How records lie in bytes, after the u32be length that stands before each: in one place, for the writer and for all who
// read them. `start` is the offset of the record's tag. What each tag means is in changelog.ts.
//
//   begin     u8 tag, i64be wall, u32be logical, u64be commit LSN, u32be xid, i64be commit time
//   closed    u8 tag, i64be wall, u32be logical, u64be LSN
//   commit    u8 tag, u64be end LSN
//   truncate  u8 tag, u32be relations, u8 options, u32be each relation (pgoutput's message, as it came)

import { readInt64, readUint64, writeInt64, writeUint64 } from '../bytes/int64.ts'
import type { Hlc } from '../core/hlc.ts'
import type { Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import { record } from './changelog.ts'

export const beginBytes = 33
export const closedBytes = 21
export const commitBytes = 9

/** Writes the part that begin and closed records share. */
function writePoint(tag: number, ts: Hlc, lsn: Lsn, buffer: Buffer, start: number): void {
  buffer[start] = tag
  writeInt64(ts.wall, buffer, start + 1)
  buffer.writeUInt32BE(ts.logical, start + 9)
  writeUint64(lsn, buffer, start + 13)
}

export function writeBegin(
  ts: Hlc,
  commitLsn: Lsn,
  xid: number,
  commitMicros: bigint,
  buffer: Buffer,
  start: number,
): void {
  writePoint(record.begin, ts, commitLsn, buffer, start)
  buffer.writeUInt32BE(xid, start + 21)
  writeInt64(commitMicros, buffer, start + 25)
}

export function writeClosed(ts: Hlc, lsn: Lsn, buffer: Buffer, start: number): void {
  writePoint(record.closed, ts, lsn, buffer, start)
}

export function writeCommit(endLsn: Lsn, buffer: Buffer, start: number): void {
  buffer[start] = record.commit
  writeUint64(endLsn, buffer, start + 1)
}

/** The timestamp of a begin or closed record. */
export function timestampOf(payload: Buffer, start: number): Hlc {
  return { wall: readInt64(payload, start + 1), logical: payload.readUInt32BE(start + 9) }
}

/** The commit LSN of a begin record, or the LSN of a closed record. */
export function lsnOf(payload: Buffer, start: number): Lsn {
  return readUint64(payload, start + 13)
}

/** The transaction id of a begin record. */
export function xidOf(payload: Buffer, start: number): number {
  return payload.readUInt32BE(start + 21)
}

/** The commit time of a begin record, in PostgreSQL's microseconds. */
export function commitMicrosOf(payload: Buffer, start: number): bigint {
  return readInt64(payload, start + 25)
}

/** The relations of the truncate record `bytes[start, end)`, which is the same as pgoutput's message. */
export function truncatedRelations(bytes: Buffer, start: number, end: number): number[] {
  const count = start + 6 <= end ? bytes.readUInt32BE(start + 1) : undefined
  if (count === undefined || start + 6 + 4 * count !== end)
    throw new FeedError('FEED_DECODE', 'a truncate message of the wrong length')
  return Array.from({ length: count }, (_, i) => bytes.readUInt32BE(start + 6 + 4 * i))
}
