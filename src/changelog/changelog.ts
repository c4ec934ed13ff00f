// The changelog: the durable log between the replication slot and the feeds. It holds every committed change of one source,
// once, in commit order, with a timestamp. Ingest is its only writer; any number of feeds read it, each at its own pace, from
// any thread. The changelog does not know what rows mean: it stores pgoutput messages as they come.
//
// The changelog consists of records (records.ts) in blocks. The records of a block became durable together, or are 256 KiB of
// a large transaction. Readers see a block only when it is durable and all transactions with records in it are complete. This
// file is the contract: what readers call, what the writer calls, and the handle by which every thread opens the same log. The
// embedded log is files (files/); a log for several machines could be Kafka itself.

import type { Hlc } from '../core/hlc.ts'
import type { LogMeter } from '../core/log-meter.ts'
import type { Lsn } from '../core/lsn.ts'

declare const isPosition: unique symbol

/**
 * A position in the log. Positions only grow, also over restarts. They come from the log, and other code can only compare them
 * and pass them back. In files a position is the byte offset of a block in the endless log.
 */
export type Position = number & { readonly [isPosition]: true }

/** The position before everything that a log ever holds. */
export const logStart = 0 as Position

/** Names a log to all threads of this process; it can be cloned. open-changelog.ts and keep-changelog.ts open the log. */
export interface LogHandle {
  readonly tag: 'files'
  readonly dir: string
  /** The memory of the log that all threads share: a LogHead (files/log-head.ts). */
  readonly shared: SharedArrayBuffer
}

export interface LogBlock {
  readonly position: Position
  /** Position of the next block. */
  readonly nextPosition: Position
  /** The transaction that is open where the block starts; undefined: no transaction is open there. */
  readonly open: { readonly ts: Hlc; readonly commitLsn: Lsn } | undefined
  /** The last transaction of the block continues in the next block. */
  readonly continues: boolean
  /** All changes at or below this timestamp are in this block or before it. */
  readonly resolved: Hlc
  /** End LSN of the last commit in or before this block. */
  readonly endLsn: Lsn
  /** The block holds schema, relation or gap records. */
  readonly hasSchema: boolean
  /** The block holds updates, deletes or truncates. */
  readonly hasNonInserts: boolean
  /** Whether the block holds a record of this relation. */
  mentions(relid: number): boolean
  /** Reads and verifies the records. The bytes are valid until the reader's next call. Throws FEED_LOG_CORRUPT. */
  payload(): Buffer
}

export interface LogReader extends Disposable {
  /**
   * Returns the next block, from the page cache; undefined: the reader is at the durable head. Throws FEED_FELL_BEHIND if
   * retention has removed the block, and FEED_LOG_STOPPED at the head of a log without a writer.
   */
  next(): LogBlock | undefined
  /** Reads a block again, for another pass over a large transaction. The reader does not move; earlier payloads get invalid. */
  readAt(position: Position): LogBlock
  /**
   * Moves to the durable head, without reading, if no block before it holds a record of these tables, or one that every reader
   * needs (a description, a gap). Returns the timestamp through which the log is complete there; undefined: the reader has not
   * moved. The list may grow between two calls.
   */
  passOver(tables: readonly number[]): Hlc | undefined
  /**
   * Settles when `next` may return a block, or when the signal aborts. With `quiet`, up to so many ms late for blocks that
   * `passOver` would pass over.
   */
  wait(signal: AbortSignal, quiet?: { readonly ms: number; readonly tables: readonly number[] }): Promise<void>
}

/** The present state of the log. Reading a property costs nothing. */
export interface LogStatus {
  /** The position after the last readable block. */
  readonly head: Position
  /** Position of the oldest block kept. */
  readonly tail: Position
  /** The timestamp through which the log is complete, in wall nanoseconds. */
  readonly resolvedWall: bigint
  /** The end LSN of the durable part of the log. */
  readonly endLsn: Lsn
  /** The last known flush LSN of the source. Its distance to `endLsn` is the lag of ingest in bytes of WAL. */
  readonly sourceLsn: Lsn
  /** Counts of what was written since this server opened the log. */
  readonly transactions: bigint
  readonly rows: bigint
  readonly bytes: bigint
}

/** A log as its readers see it. */
export interface Changelog {
  readonly status: LogStatus
  /** What the writer has counted since this server opened the log. */
  readonly meter: LogMeter
  /** When the oldest part of the log that is kept was begun, in ms since 1970; undefined: there is none. */
  startedMs(): number | undefined
  /**
   * Returns a reader that shows everything above `after`. The reader starts at the start of a segment, with a block of all
   * schema and relation records that are known there, so that rows can be decoded. Throws FEED_CURSOR_TOO_OLD if the log does
   * not reach back to `after`.
   */
  readAfter(after: Hlc): LogReader
  /** Returns where `readAfter` would start to read; undefined: the log does not reach back to `after`. */
  startOf(after: Hlc): Position | undefined
  /** Returns a reader that shows the block at `position` and everything after it, and the schema and relation records before. */
  readFrom(position: Position): LogReader
  /** Returns a reader whose first block is at `position`: its caller knows the schemas there. */
  jumpTo(position: Position): LogReader
  /**
   * Asks the writer to close a timestamp at once for all that is committed now, because a new feed waits for its cut. The
   * request is kept only in the memory that all threads share with the writer. So no thread between a feed and ingest has to
   * pass the request on, and it outlives a writer that dies.
   */
  closeNow(): void
  /** Returns what the writer keeps under this name with the log, see `writeNote`; undefined: nothing. */
  readNote(name: string): string | undefined
}

/** The writer of a log. Transactions come in commit order, and their records between `begin` and `commit`. */
export interface ChangelogWriter {
  /** The last timestamp of this log, durable or not. */
  readonly lastTimestamp: Hlc
  readonly meter: LogMeter
  /** The end LSN of the last complete transaction, durable or not. */
  readonly endLsn: Lsn
  /** The end LSN of the durable part, which may be confirmed to the slot. */
  readonly durableEndLsn: Lsn
  readonly inTransaction: boolean
  /** The bytes that were written or collected and are not durable yet. */
  readonly unsyncedBytes: number
  /** Whether a flush would make something readable. */
  readonly hasUnpublished: boolean
  /** Begins a transaction. Throws if its timestamp is not greater than the last one. */
  begin(ts: Hlc, commitLsn: Lsn, xid: number, commitMicros: bigint): void
  /** Writes a pgoutput row message (insert, update, delete) as it is. */
  row(relid: number, isInsert: boolean, source: Buffer, start: number, end: number): void
  /** Writes a pgoutput truncate message as it is. */
  truncate(relids: readonly number[], source: Buffer, start: number, end: number): void
  /** Writes a pgoutput relation message as it is. */
  relation(relid: number, source: Buffer, start: number, end: number): void
  /** Writes the description of a table, which is JSON in UTF-8. */
  schema(relid: number, json: Buffer, dropped: boolean): void
  /** `isFollowed`: a gap comes at once, and no reader sees the transaction without it. */
  commit(endLsn: Lsn, isFollowed?: boolean): void
  /** Closes a timestamp: every later transaction is above `ts`, and all commits below `lsn` are in the log already. */
  closed(ts: Hlc, lsn: Lsn): void
  /**
   * Records a gap: changes before `lsn` that are not in this log yet never will be. Readers that come to the gap must stop;
   * with `relids`, only those that follow one of these relations.
   */
  gap(ts: Hlc, lsn: Lsn, reason: string, relids?: readonly number[]): void
  /** The last description of a table in the log, as JSON; undefined: the log has none. */
  descriptionOf(relid: number): Buffer | undefined
  /** Makes every complete record durable and readable. Calls must not overlap. */
  flush(): Promise<void>
  /** Closes the log without a flush: records that were not flushed are gone at the next start. */
  close(): Promise<void>
}

/** The last transaction of a log, by which a source proves that the log was written from its history. */
export type LastTransaction =
  | { readonly tag: 'transaction'; readonly commitLsn: Lsn; readonly xid: number; readonly commitMicros: bigint }
  /** The log is new, or ends with a gap: it holds nothing of the source's past. */
  | { readonly tag: 'none' }

export interface OpenedWriter {
  readonly writer: ChangelogWriter
  /** Says where bytes were unreadable and were cut off, most likely after a crash in the middle of a write. */
  readonly damage: string | undefined
  readonly last: LastTransaction
}

export interface RetentionPolicy {
  readonly retentionMs: number
  readonly maxBytes: number
  /** Positions that readers still need. */
  readonly pins: readonly Position[]
}

/** A log as ingest, its only writer, holds it: also between two writers, and while nothing can be written. */
export interface ChangelogKeeper extends Pick<Changelog, 'readNote'> {
  readonly status: LogStatus
  /** The place of the log, for messages. */
  readonly where: string
  /** Returns the text that is kept with the log and says which source it belongs to; undefined: the log is new. */
  readLabel(): string | undefined
  writeLabel(text: string): void
  /** Keeps a text of our own with the log, under a name of letters. It is durable when this returns, and never half written. */
  writeNote(name: string, text: string): void
  /** Opens the log at the end of its durable part. What an earlier writer wrote after that is cut off. */
  openWriter(): OpenedWriter
  /** Removes segments that are too old or too many. */
  retain(nowMs: number, policy: RetentionPolicy): void
  /** Sets the last known flush LSN of the source. */
  sourceAt(lsn: Lsn): void
  /** Stops readers with the reason why the log is not written any more; undefined: a writer is at work again. */
  fail(why: string | undefined): void
  /** The number of calls of `closeNow` on this log, in all threads. */
  readonly closesAsked: number
  /** Settles when `closesAsked` is not `seen` any more, or when the signal aborts. */
  closeAsked(seen: number, signal: AbortSignal): Promise<void>
}
