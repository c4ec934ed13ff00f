// The one writer of a file changelog: takes records in commit order, writes blocks, makes them durable in groups, and
// only then lets readers see them. Nothing here is asynchronous but `flush`: writing goes to the page cache, and one
// fdatasync at a time covers all that was written before it while the next block fills.

import { closeSync, fdatasync, fsyncSync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { FeedError } from '../../errors/feed-error.ts'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import type { Lsn } from '../../core/lsn.ts'
import { record } from '../changelog.ts'
import { beginBytes, closedBytes, commitBytes, writeBegin, writeClosed, writeCommit } from '../records.ts'
import { BlockBuilder, type SealedBlock } from './block-builder.ts'
import { flag } from './block-format.ts'
import { gapRecord } from './gap-record.ts'
import type { LogHead } from './log-head.ts'
import type { Recovered } from './recover.ts'
import { KnownTables } from './known-tables.ts'
import { openNewSegment, segmentHeader, syncDir } from './segment.ts'

const blockBytes = 256 * 1024
/** A builder that a large row has blown up is given back to the allocator. */
const keepBufferBytes = 4 * 1024 * 1024
const defaultSegmentBytes = 64 * 1024 * 1024

const sync = promisify(fdatasync)

export interface LogWriterOptions {
  readonly dir: string
  readonly head: LogHead
  /** What recovery found; the writer continues there. */
  readonly recovered: Recovered
  readonly segmentBytes?: number | undefined
  readonly now?: (() => number) | undefined
}

export class LogWriter {
  readonly #dir: string
  readonly #head: LogHead
  readonly #segmentBytes: number
  readonly #now: () => number
  #builder: BlockBuilder
  #fd: number
  #segmentStart: number
  /** Where the next block goes. */
  #position: number
  /** Behind the last written block that ends complete; durable once a sync that started later is done. */
  #boundary: number
  #boundaryResolved: Hlc
  #boundaryEndLsn: Lsn
  /** Of the last written block: what a preamble behind it may claim. The builder is a block ahead when a segment ends. */
  #writtenResolved: Hlc
  #writtenEndLsn: Lsn
  #unsyncedBytes = 0
  /** Behind the last written block that holds more than closed timestamps. */
  #changesEnd: number
  /**
   * The first refusal of the disk. After it nothing is written or synced any more: a second sync may succeed without
   * having written what the first one could not.
   */
  #broken: FeedError | undefined
  /** What a preamble repeats. */
  readonly #known: KnownTables

  constructor(options: LogWriterOptions) {
    const { recovered } = options
    this.#dir = options.dir
    this.#head = options.head
    this.#segmentBytes = options.segmentBytes ?? defaultSegmentBytes
    this.#now = options.now ?? Date.now
    this.#builder = new BlockBuilder(recovered.resolved, recovered.endLsn, blockBytes * 2)
    this.#known = new KnownTables(recovered.known)
    this.#boundaryResolved = recovered.resolved
    this.#boundaryEndLsn = recovered.endLsn
    this.#writtenResolved = recovered.resolved
    this.#writtenEndLsn = recovered.endLsn
    if (recovered.segment === undefined) {
      this.#position = this.#segmentStart = recovered.position
      this.#fd = -1
      try {
        this.#startSegment()
      } catch (error) {
        this.#closeFile()
        throw error
      }
    } else {
      this.#segmentStart = recovered.segment.start
      this.#position = recovered.position
      this.#fd = openSync(recovered.segment.path, 'r+')
      if (recovered.isOldFormat) this.#leaveOldSegment()
    }
    this.#boundary = this.#changesEnd = this.#position
    this.#head.tail = recovered.tail
    this.#head.publish(this.#position, recovered.resolved.wall, recovered.endLsn)
  }

  /** The last timestamp given in this log, durable or not. */
  get lastTimestamp(): Hlc {
    return this.#builder.open?.ts ?? this.#builder.resolved
  }

  /** End LSN of the last complete transaction, durable or not. */
  get endLsn(): Lsn {
    return this.#builder.endLsn
  }

  /** End LSN of what is durable: what may be confirmed to the slot. */
  get durableEndLsn(): Lsn {
    return this.#head.endLsn
  }

  get inTransaction(): boolean {
    return this.#builder.inTransaction
  }

  /** Bytes written or collected that no sync has covered yet. */
  get unsyncedBytes(): number {
    return this.#unsyncedBytes + this.#builder.payloadBytes
  }

  /** Bytes of memory that it holds. */
  get bufferBytes(): number {
    return this.#builder.buffer.length
  }

  /** Whether a flush would make something readable. */
  get hasUnpublished(): boolean {
    return this.#builder.hasComplete || this.#boundary > this.#head.head
  }

  begin(ts: Hlc, commitLsn: Lsn, xid: number, commitMicros: bigint): void {
    const builder = this.#builder
    if (builder.inTransaction) throw new FeedError('FEED_BUG', 'a transaction began inside another')
    if (compareHlc(ts, builder.resolved) <= 0) throw new FeedError('FEED_BUG', 'timestamps must grow')
    const at = builder.reserve(beginBytes)
    writeBegin(ts, commitLsn, xid, commitMicros, builder.buffer, at)
    builder.begin(ts, commitLsn)
  }

  /** A pgoutput row message (insert, update, delete), verbatim. */
  row(relid: number, isInsert: boolean, source: Buffer, start: number, end: number): void {
    const builder = this.#builder
    const at = builder.reserve(end - start)
    source.copy(builder.buffer, at, start, end)
    builder.mention(relid)
    if (!isInsert) builder.mark(flag.nonInserts)
    builder.row()
    if (builder.payloadBytes >= blockBytes) this.#cut()
  }

  truncate(relids: readonly number[], source: Buffer, start: number, end: number): void {
    const builder = this.#builder
    const at = builder.reserve(end - start)
    source.copy(builder.buffer, at, start, end)
    for (const relid of relids) builder.mention(relid)
    builder.mark(flag.nonInserts)
  }

  /** A pgoutput relation message, verbatim. */
  relation(relid: number, source: Buffer, start: number, end: number): void {
    const body = Buffer.from(source.subarray(start, end))
    this.#append(body)
    this.#builder.mention(relid)
    this.#builder.mark(flag.schema)
    this.#known.relation(relid, body)
  }

  /** A table's description: UTF-8 JSON. */
  schema(relid: number, json: Buffer, dropped: boolean): void {
    const body = Buffer.concat([Buffer.of(record.schema), json])
    this.#append(body)
    this.#builder.mention(relid)
    this.#builder.mark(flag.schema)
    this.#known.schema(relid, dropped ? undefined : body)
  }

  commit(endLsn: Lsn): void {
    const builder = this.#builder
    const open = builder.open
    if (open === undefined) throw new FeedError('FEED_BUG', 'a commit without a transaction')
    const at = builder.reserve(commitBytes)
    writeCommit(endLsn, builder.buffer, at)
    this.#complete(open.ts, endLsn)
    if (builder.payloadBytes >= blockBytes) this.#cut()
  }

  /** Promises that every later transaction is above `ts`, and that commits below `lsn` are before here. */
  closed(ts: Hlc, lsn: Lsn): void {
    const builder = this.#builder
    if (builder.inTransaction) throw new FeedError('FEED_BUG', 'a closed record inside a transaction')
    if (compareHlc(ts, builder.resolved) < 0) throw new FeedError('FEED_BUG', 'a closed timestamp ran backwards')
    const at = builder.reserve(closedBytes)
    writeClosed(ts, lsn, builder.buffer, at)
    this.#complete(ts, lsn > builder.endLsn ? lsn : builder.endLsn)
  }

  /**
   * Changes before `lsn` that are not in this log will never be: readers that pass here must stop; with `relids`, those
   * that follow one of these relations.
   */
  gap(ts: Hlc, lsn: Lsn, reason: string, relids?: readonly number[]): void {
    this.#append(gapRecord(reason, relids))
    for (const relid of relids ?? []) this.#builder.mention(relid)
    this.#builder.mark(flag.schema)
    this.#complete(ts, lsn)
  }

  #complete(resolved: Hlc, endLsn: Lsn): void {
    this.#builder.complete(resolved, endLsn)
    this.#known.complete()
  }

  /** Makes every complete record durable and readable. Calls must not overlap. */
  async flush(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken
    const builder = this.#builder
    if (builder.hasComplete) {
      this.#write(builder.sealComplete())
      this.#known.wroteComplete()
      builder.carryOver()
      if (builder.buffer.length > keepBufferBytes) builder.shrink(blockBytes * 2)
      this.#boundary = this.#position
      this.#boundaryResolved = builder.resolved
      this.#boundaryEndLsn = builder.endLsn
    }
    if (this.#boundary <= this.#head.head) return
    const boundary = this.#boundary
    const resolved = this.#boundaryResolved
    const endLsn = this.#boundaryEndLsn
    const changesEnd = this.#changesEnd
    const covered = this.#unsyncedBytes
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#syncing = promise
    try {
      await sync(this.#fd)
    } catch (error) {
      throw this.#break('flush', error)
    } finally {
      this.#syncing = undefined
      for (const fd of this.#retired.splice(0)) closeSync(fd)
      resolve()
    }
    this.#unsyncedBytes -= covered
    this.#head.publish(boundary, resolved.wall, endLsn, changesEnd)
  }

  /** Set while a sync runs on `#fd`, which must then not be closed. */
  #syncing: Promise<void> | undefined
  readonly #retired: number[] = []

  /** Does not flush: what was not flushed is not there after the next start. */
  async close(): Promise<void> {
    await this.#syncing
    this.#broken ??= new FeedError('FEED_BUG', 'the changelog was closed')
    this.#closeFile()
  }

  /** Once only: the number may be another file's by the second time. */
  #closeFile(): void {
    const fd = this.#fd
    this.#fd = -1
    if (fd >= 0) closeSync(fd)
  }

  #break(what: string, error: unknown): FeedError {
    return (this.#broken ??= ioError(what, this.#dir, error))
  }

  #append(body: Buffer): void {
    const at = this.#builder.reserve(body.length)
    body.copy(this.#builder.buffer, at)
  }

  /** Writes the whole builder as a block: it is full. */
  #cut(): void {
    const builder = this.#builder
    const complete = !builder.inTransaction
    this.#write(builder.sealAll())
    this.#known.wroteAll()
    builder.startOver()
    if (complete) {
      this.#boundary = this.#position
      this.#boundaryResolved = builder.resolved
      this.#boundaryEndLsn = builder.endLsn
    }
    if (builder.buffer.length > keepBufferBytes) builder.shrink(blockBytes * 2)
  }

  #write(block: SealedBlock): void {
    if (this.#position - this.#segmentStart >= this.#segmentBytes) this.#roll()
    this.#writeBytes(block.bytes)
    this.#writtenResolved = this.#builder.resolved
    this.#writtenEndLsn = this.#builder.endLsn
    if (!block.isQuiet) this.#changesEnd = this.#position
    this.#head.count(block.transactions, block.rows, block.bytes.length)
  }

  #writeBytes(bytes: Buffer): void {
    if (this.#broken !== undefined) throw this.#broken
    let written = 0
    try {
      while (written < bytes.length) {
        written += writeSync(
          this.#fd,
          bytes,
          written,
          bytes.length - written,
          this.#position - this.#segmentStart + written,
        )
      }
    } catch (error) {
      throw this.#break('write', error)
    }
    this.#position += bytes.length
    this.#unsyncedBytes += bytes.length
  }

  /** The old segment is made durable here and now: the next flush syncs the new one only. */
  #roll(): void {
    if (this.#broken !== undefined) throw this.#broken
    try {
      fsyncSync(this.#fd)
    } catch (error) {
      throw this.#break('flush', error)
    }
    if (this.#syncing === undefined) this.#closeFile()
    else {
      this.#retired.push(this.#fd)
      this.#fd = -1
    }
    this.#segmentStart = this.#position
    this.#startSegment()
  }

  /** Its blocks have headers of the old format; those behind it have not, and one segment has one format. */
  #leaveOldSegment(): void {
    try {
      this.#roll()
      fsyncSync(this.#fd)
    } catch (error) {
      this.#closeFile()
      throw error instanceof FeedError ? error : this.#break('flush', error)
    }
  }

  #startSegment(): void {
    try {
      this.#fd = openNewSegment(this.#dir, this.#segmentStart)
      syncDir(this.#dir)
    } catch (error) {
      throw this.#break('make a segment in', error)
    }
    this.#writeBytes(segmentHeader(this.#segmentStart, this.#now()))
    this.#writePreamble()
  }

  #writePreamble(): void {
    const preamble = new BlockBuilder(this.#writtenResolved, this.#writtenEndLsn, this.#known.bytes + 1024)
    for (const [relid, { schema, relation }] of this.#known.written) {
      for (const body of [schema, relation]) {
        if (body === undefined) continue
        const at = preamble.reserve(body.length)
        body.copy(preamble.buffer, at)
      }
      preamble.mention(relid)
    }
    preamble.mark(flag.preamble | flag.schema)
    this.#writeBytes(preamble.sealPreamble(this.#builder.openAtStart))
  }
}

function ioError(what: string, dir: string, error: unknown): FeedError {
  const { code, message } = error as NodeJS.ErrnoException
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return new FeedError(
    'FEED_LOG_IO',
    full ? `the disk of the changelog in ${dir} is full` : `cannot ${what} the changelog in ${dir}: ${message}`,
    {
      cause: error,
      hint: full
        ? 'free space on that disk, or lower changefeed.changelog.max_size; PostgreSQL keeps the changes until then'
        : undefined,
    },
  )
}
