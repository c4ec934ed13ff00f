// The durable log between the replication slot and the feeds: every committed change of one source database, once, in
// commit order, with its timestamp. Ingest is its only writer; any number of feeds read it, each at its own pace, from
// any thread. It refuses to know what rows mean: it stores pgoutput messages as they came.
//
// Data enters as records (records.ts) in blocks; a block is what became durable together (or 256 KiB of a large
// transaction). Readers see a block only when it is durable and every transaction in it, or the one it is a part of, is
// complete. This file is the contract: what readers call, what the writer calls, and the handle by which every thread
// opens the same log. The embedded log is files (files/); the one for several machines can be Kafka itself.

import type { Hlc } from '../core/hlc.ts'
import type { Lsn } from '../core/lsn.ts'

declare const isPosition: unique symbol

/**
 * A place in the log. Positions only grow, also over restarts, and may be compared; whoever has one got it from the log
 * and can do nothing else with it. In files it is the byte offset of a block in the endless log.
 */
export type Position = number & { readonly [isPosition]: true }

/** Before everything that a log ever holds. */
export const logStart = 0 as Position

/** Names a log to any thread of this process: structured cloneable. open-changelog.ts and keep-changelog.ts open it. */
export interface LogHandle {
  readonly tag: 'files'
  readonly dir: string
  /** What the threads share of the log: a LogHead (files/log-head.ts). */
  readonly shared: SharedArrayBuffer
}

export interface LogBlock {
  readonly position: Position
  /** Position of the next block. */
  readonly nextPosition: Position
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
  readAt(position: Position): LogBlock
  /** Settles when `next` may have more, or when the signal aborts; up to `quietMs` late when it is nothing but time. */
  wait(signal: AbortSignal, quietMs?: number): Promise<void>
}

/** How the log stands now. Reading it costs nothing. */
export interface LogStatus {
  /** Where the next block will be after the last readable one. */
  readonly head: Position
  /** Position of the oldest block kept. */
  readonly tail: Position
  /** Wall nanoseconds of the timestamp through which the log is complete. */
  readonly resolvedWall: bigint
  /** End LSN of what the log durably holds. */
  readonly endLsn: Lsn
  /** The source's flush LSN as ingest saw it last; minus `endLsn` it is the lag of ingest in bytes of WAL. */
  readonly sourceLsn: Lsn
  /** Written since this server opened the log. */
  readonly transactions: bigint
  readonly rows: bigint
  readonly bytes: bigint
}

/** What readers of a log call. */
export interface Changelog {
  readonly status: LogStatus
  /**
   * A reader whose first block is at or before the first one that holds something above `after`. It starts where a
   * segment starts, with a block of all schema and relation records known there, so that rows can be decoded.
   * Throws FEED_CURSOR_TOO_OLD when `after` lies before the oldest block kept.
   */
  readAfter(after: Hlc): LogReader
  /** Where that reader would start; undefined: it is not kept any more. */
  startOf(after: Hlc): Position | undefined
  /** The same, for the block at `position` (a `head` seen earlier). */
  readFrom(position: Position): LogReader
  /** The same, and nothing before that block is shown: for a reader who knows the schemas there. */
  jumpTo(position: Position): LogReader
  /**
   * Asks the writer to close a timestamp at once for what is committed now: a new feed waits for its cut. The request is
   * kept in the memory that all threads share with the writer, and nowhere else: no thread between a feed and ingest has to
   * pass it on, and it outlives a writer that dies.
   */
  closeNow(): void
}

/** What ingest calls to write. Transactions come in commit order, and their records between `begin` and `commit`. */
export interface ChangelogWriter {
  /** The last timestamp given in this log, durable or not. */
  readonly lastTimestamp: Hlc
  /** End LSN of the last complete transaction, durable or not. */
  readonly endLsn: Lsn
  /** End LSN of what is durable: what may be confirmed to the slot. */
  readonly durableEndLsn: Lsn
  readonly inTransaction: boolean
  /** Bytes written or collected that are not durable yet. */
  readonly unsyncedBytes: number
  /** Whether a flush would make something readable. */
  readonly hasUnpublished: boolean
  /** Refuses a timestamp that does not grow. */
  begin(ts: Hlc, commitLsn: Lsn, xid: number, commitMicros: bigint): void
  /** A pgoutput row message (insert, update, delete), verbatim. */
  row(relid: number, isInsert: boolean, source: Buffer, start: number, end: number): void
  /** A pgoutput truncate message, verbatim. */
  truncate(relids: readonly number[], source: Buffer, start: number, end: number): void
  /** A pgoutput relation message, verbatim. */
  relation(relid: number, source: Buffer, start: number, end: number): void
  /** A table's description: UTF-8 JSON. */
  schema(relid: number, json: Buffer, dropped: boolean): void
  commit(endLsn: Lsn): void
  /** Promises that every later transaction is above `ts`, and that commits below `lsn` are before here. */
  closed(ts: Hlc, lsn: Lsn): void
  /**
   * Changes before `lsn` that are not in this log will never be: readers that pass here must stop; with `relids`, those
   * that follow one of these relations.
   */
  gap(ts: Hlc, lsn: Lsn, reason: string, relids?: readonly number[]): void
  /** Makes every complete record durable and readable. Calls must not overlap. */
  flush(): Promise<void>
  /** Does not flush: what was not flushed is not there after the next start. */
  close(): Promise<void>
}

/** The transaction that a log holds last, by which a source proves that its history is the one of the log. */
export type LastTransaction =
  | { readonly tag: 'transaction'; readonly commitLsn: Lsn; readonly xid: number; readonly commitMicros: bigint }
  /** The log is new, or goes on behind a gap: nothing of the source's past is in it. */
  | { readonly tag: 'none' }

export interface OpenedWriter {
  readonly writer: ChangelogWriter
  /** What was cut off because its bytes made no sense: most likely a write that a crash tore. */
  readonly damage: string | undefined
  readonly last: LastTransaction
}

export interface RetentionPolicy {
  readonly retentionMs: number
  readonly maxBytes: number
  /** Positions that readers still need. */
  readonly pins: readonly Position[]
}

/** The log in the hands of its only writer, ingest, also between two writers and while nothing can be written. */
export interface ChangelogKeeper {
  readonly status: LogStatus
  /** Where the log lies, for messages. */
  readonly where: string
  /** A text that is kept durably with the log: whose log it is. Undefined: the log is new. */
  readLabel(): string | undefined
  writeLabel(text: string): void
  /** Opens the log where it is durable; what an earlier writer began after that is cut off. */
  openWriter(): OpenedWriter
  /** Removes what is too old or too much. */
  retain(nowMs: number, policy: RetentionPolicy): void
  /** The source's flush LSN was seen to be here. */
  sourceAt(lsn: Lsn): void
  /** Tells readers why the log is not written any more; undefined: a writer is at work again. */
  fail(why: string | undefined): void
  /** How often `closeNow` has been called on this log, by whomever. */
  readonly closesAsked: number
  /** Settles when `closesAsked` is not `seen` any more, or when the signal aborts. */
  closeAsked(seen: number, signal: AbortSignal): Promise<void>
}
