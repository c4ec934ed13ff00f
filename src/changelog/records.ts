// The records of a changelog: their tags and their layouts in bytes. All code that writes or reads these layouts is in this
// file. Each record comes after its length, u32be; `start` is the offset of its tag.
//
//   begin     u8 'B', i64be wall, u32be logical, u64be commit LSN, u32be xid, i64be commit time (pg micros)
//   commit    u8 'C', u64be end LSN
//   schema    u8 'S', UTF-8 JSON of a TableDescription
//   closed    u8 'X', i64be wall, u32be logical, u64be LSN
//   gap       u8 'G', UTF-8 text
//   gapOf     u8 'g', u32be relations, u32be each relation, UTF-8 text
//   truncate  u8 'T', u32be relations, u8 options, u32be each relation
//   relation, insert, update, delete   u8 tag, u32be relation, …
//
// The last five are messages of pgoutput; `src/decode/pgoutput` reads the rest of their bytes.

import { readInt64, readUint64, writeInt64, writeUint64 } from '../bytes/int64.ts'
import type { Hlc } from '../core/hlc.ts'
import type { Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'

export const record = {
  /** A transaction starts. */
  begin: 0x42,
  /** The transaction is complete. */
  commit: 0x43,
  /** The description of a table from here on. */
  schema: 0x53,
  /** A closed timestamp: later transactions are above it, and all commits below the LSN come before this record. */
  closed: 0x58,
  /** Changes between the previous transaction and the next one are missing. */
  gap: 0x47,
  /** Changes of these relations between the previous transaction and the next one are missing. */
  gapOf: 0x67,
  relation: 0x52,
  insert: 0x49,
  update: 0x55,
  delete: 0x44,
  truncate: 0x54,
} as const

/** The id of the transactions that ingest writes itself. PostgreSQL gives it to none. */
export const ownXid = 0

/** The size of the length before each record. */
export const lengthBytes = 4
export const beginBytes = 33
export const closedBytes = 21
export const commitBytes = 9
/** The size of a tag, after which the description in a schema record starts. */
export const tagBytes = 1

/** Returns the end of the record whose tag is at `start`. The tag of the next record is `lengthBytes` after that. */
export function recordEnd(payload: Buffer, start: number): number {
  return start + payload.readUInt32BE(start - lengthBytes)
}

export function isRow(tag: number): boolean {
  return tag === record.insert || tag === record.update || tag === record.delete
}

/** Returns the relation of a row or relation record. */
export function relationOf(payload: Buffer, start: number): number {
  return payload.readUInt32BE(start + 1)
}

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

/** Returns the timestamp of a begin or closed record. */
export function timestampOf(payload: Buffer, start: number): Hlc {
  return { wall: readInt64(payload, start + 1), logical: payload.readUInt32BE(start + 9) }
}

/** Returns the commit LSN of a begin record, or the LSN of a closed record. */
export function lsnOf(payload: Buffer, start: number): Lsn {
  return readUint64(payload, start + 13)
}

/** Returns the transaction id of a begin record. */
export function xidOf(payload: Buffer, start: number): number {
  return payload.readUInt32BE(start + 21)
}

/** Returns the commit time of a begin record, in PostgreSQL's microseconds. */
export function commitMicrosOf(payload: Buffer, start: number): bigint {
  return readInt64(payload, start + 25)
}

/** Returns the end LSN of a commit record. */
export function endLsnOf(payload: Buffer, start: number): Lsn {
  return readUint64(payload, start + 1)
}

/** Returns a schema record, without the length. `json` is the description of the table. */
export function schemaRecord(json: Buffer): Buffer {
  return Buffer.concat([Buffer.of(record.schema), json])
}

/** Returns which table a schema record describes, and whether the table was dropped. */
export function describedBy(payload: Buffer, start: number, end: number): { relid: number; dropped?: boolean } {
  return JSON.parse(payload.toString('utf8', start + tagBytes, end)) as { relid: number; dropped?: boolean }
}

/** Returns the relations of the truncate record `bytes[start, end)`, which is a message of pgoutput. */
export function truncatedRelations(bytes: Buffer, start: number, end: number): number[] {
  const count = start + 6 <= end ? bytes.readUInt32BE(start + 1) : undefined
  if (count === undefined || start + 6 + 4 * count !== end)
    throw new FeedError('FEED_DECODE', 'a truncate message of the wrong length')
  return Array.from({ length: count }, (_, i) => bytes.readUInt32BE(start + 6 + 4 * i))
}

/** Why changes are missing, and of which relations. */
export interface Gap {
  readonly reason: string
  /** The relations of which changes are missing; undefined if changes of all relations are missing. */
  readonly relids: readonly number[] | undefined
}

/** Returns a gap or gapOf record, without the length. */
export function gapRecord(reason: string, relids: readonly number[] | undefined): Buffer {
  const text = Buffer.from(reason)
  if (relids === undefined) return Buffer.concat([Buffer.of(record.gap), text])
  const head = Buffer.alloc(5 + 4 * relids.length)
  head[0] = record.gapOf
  head.writeUInt32BE(relids.length, 1)
  for (const [i, relid] of relids.entries()) head.writeUInt32BE(relid, 5 + 4 * i)
  return Buffer.concat([head, text])
}

/** Returns the gap of the record `payload[start, end)`; undefined: the record is of another kind. */
export function readGap(payload: Buffer, start: number, end: number): Gap | undefined {
  if (payload[start] === record.gap) return { reason: payload.toString('utf8', start + 1, end), relids: undefined }
  if (payload[start] !== record.gapOf) return undefined
  const count = payload.readUInt32BE(start + 1)
  const relids = Array.from({ length: count }, (_, i) => payload.readUInt32BE(start + 5 + 4 * i))
  return { reason: payload.toString('utf8', start + 5 + 4 * count, end), relids }
}

/** Whether the gap concerns a reader that follows the relations for which `isTarget` returns true. */
export function concerns({ relids }: Gap, isTarget: (relid: number) => boolean): boolean {
  return relids === undefined || relids.some(isTarget)
}
