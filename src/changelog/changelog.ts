// The durable log between the replication slot and the feeds: every committed change of one source database, once, in
// commit order, with its timestamp. Ingest is its only writer; any number of feeds read it, each at its own pace, from
// any thread. It refuses to know what rows mean: it stores pgoutput messages as they came.
//
// Data enters as records in blocks; a block is what became durable together (or 256 KiB of a large transaction).
// Readers see a block only when it is durable and every transaction in it, or the one it is a part of, is complete.
// A position is the byte offset of a block in the endless log; positions only grow, also across segments and restarts.
// This file is the contract. The embedded log is files (files/); the one for several machines can be Kafka itself.

import type { Hlc } from '../core/hlc.ts'
import type { Lsn } from '../core/lsn.ts'

/** Tags of the records in a block's payload; each record is a u32be length, then that many bytes, the tag first. */
export const record = {
  /** B: i64be wall, u32be logical, u64be commit LSN, u32be xid, i64be commit time (pg micros): a transaction starts. */
  begin: 0x42,
  /** C: u64be end LSN: it is complete. */
  commit: 0x43,
  /** S: UTF-8 JSON of a TableDescription, valid from here on. */
  schema: 0x53,
  /** X: i64be wall, u32be logical, u64be LSN. Later transactions are above the timestamp; commits below the LSN are before here. */
  closed: 0x58,
  /** G: UTF-8 text. Changes between the transaction before and the one after this record are missing. */
  gap: 0x47,
  /** g: u32be n, n × u32be relation, UTF-8 text. The same for these relations only. */
  gapOf: 0x67,
  /** pgoutput messages, verbatim (the tag is their first byte). */
  relation: 0x52,
  insert: 0x49,
  update: 0x55,
  delete: 0x44,
  truncate: 0x54,
} as const

export interface LogBlock {
  readonly position: number
  /** Position of the block behind this one. */
  readonly nextPosition: number
  /** The timestamp and commit LSN of the transaction that is open where the block starts; undefined: none is. */
  readonly open: { readonly ts: Hlc; readonly commitLsn: Lsn } | undefined
  /** Another block of the same transaction follows. */
  readonly continues: boolean
  /** Everything at or below it is in the log at or before this block. */
  readonly resolved: Hlc
  /** End LSN of the last commit in or before this block. */
  readonly endLsn: Lsn
  /** The block holds schema, relation or gap records. */
  readonly hasSchema: boolean
  /** The block holds updates, deletes or truncates. */
  readonly hasNonInserts: boolean
  /** Whether the block holds a record of this relation. */
  mentions(relid: number): boolean
  /** Reads and verifies the payload: records. Valid until the reader's next call. Throws FEED_LOG_CORRUPT. */
  payload(): Buffer
}

export interface LogReader extends Disposable {
  /**
   * The next block, or undefined at the durable head. Synchronous: it comes from the page cache.
   * Throws FEED_FELL_BEHIND when retention has removed it, FEED_LOG_STOPPED at the head of a log that has no writer.
   */
  next(): LogBlock | undefined
  /** Reads a block again (second pass over a large transaction). Does not move the reader; invalidates earlier payloads. */
  readAt(position: number): LogBlock
  /** Settles when `next` may have more, or when the signal aborts; up to `quietMs` late when it is nothing but time. */
  wait(signal: AbortSignal, quietMs?: number): Promise<void>
}

export interface Changelog {
  /** Position behind the last readable block. */
  readonly head: number
  /** Position of the oldest block kept. */
  readonly tail: number
  /**
   * A reader whose first block is at or before the first one that holds something above `after`. It starts where a
   * segment starts, with a block of all schema and relation records known there, so that rows can be decoded.
   * Throws FEED_CURSOR_TOO_OLD when `after` lies before the oldest block kept.
   */
  readAfter(after: Hlc): LogReader
  /** Where that reader would start; undefined: it is not kept any more. */
  startOf(after: Hlc): number | undefined
  /** The same, for the block at `position` (a `head` seen earlier). */
  readFrom(position: number): LogReader
  /** The same, and nothing before that block is shown: for who knows the schemas there. */
  jumpTo(position: number): LogReader
}
