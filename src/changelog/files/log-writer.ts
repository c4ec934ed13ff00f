// The only writer of a file changelog. It gets records in commit order, writes them in blocks, makes blocks durable in groups,
// and only then lets readers see them. Only `flush` is asynchronous: writes go to the page cache, and one fdatasync at a time
// covers everything that was written before it, while the next block fills.

import { FeedError } from '../../errors/feed-error.ts'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import type { LogMeter } from '../../core/log-meter.ts'
import type { Lsn } from '../../core/lsn.ts'
import type { ChangelogWriter } from '../changelog.ts'
import {
  beginBytes,
  closedBytes,
  commitBytes,
  gapRecord,
  schemaRecord,
  tagBytes,
  writeBegin,
  writeClosed,
  writeCommit,
} from '../records.ts'
import type { BlockBuilder } from './block-builder.ts'
import { flag } from './block-format.ts'
import { BlockWriter, type BlockWriterOptions } from './block-writer.ts'
import type { LogHead } from './log-head.ts'

export class LogWriter implements ChangelogWriter {
  readonly #head: LogHead
  readonly #blocks: BlockWriter
  readonly #builder: BlockBuilder
  /** When the first transaction since the last flush was committed, in ms since 1970; undefined: there was none. */
  #oldestMs: number | undefined

  constructor(options: BlockWriterOptions) {
    const { head, recovered } = options
    this.#head = head
    this.#blocks = new BlockWriter(options)
    this.#builder = this.#blocks.builder
    head.tail = recovered.tail
    head.publish(this.#blocks.boundary.position, recovered.resolved, recovered.endLsn)
  }

  get meter(): LogMeter {
    return this.#head.meter
  }

  get lastTimestamp(): Hlc {
    return this.#builder.open?.ts ?? this.#builder.resolved
  }

  get endLsn(): Lsn {
    return this.#builder.endLsn
  }

  get durableEndLsn(): Lsn {
    return this.#head.endLsn
  }

  get inTransaction(): boolean {
    return this.#builder.inTransaction
  }

  get unsyncedBytes(): number {
    return this.#blocks.file.unsyncedBytes + this.#builder.payloadBytes
  }

  /** The memory that the writer holds, in bytes. */
  get bufferBytes(): number {
    return this.#builder.buffer.length
  }

  get hasUnpublished(): boolean {
    return this.#builder.hasComplete || this.#blocks.boundary.position > this.#head.head
  }

  begin(ts: Hlc, commitLsn: Lsn, xid: number, commitMicros: bigint): void {
    const builder = this.#builder
    if (builder.inTransaction) throw new FeedError('FEED_BUG', 'a transaction began inside another')
    if (compareHlc(ts, builder.resolved) <= 0) throw new FeedError('FEED_BUG', 'timestamps must grow')
    const at = builder.reserve(beginBytes)
    writeBegin(ts, commitLsn, xid, commitMicros, builder.buffer, at)
    builder.begin(ts, commitLsn)
    this.#oldestMs ??= Number(ts.wall / 1_000_000n)
  }

  row(relid: number, isInsert: boolean, source: Buffer, start: number, end: number): void {
    const builder = this.#builder
    const at = builder.reserve(end - start)
    source.copy(builder.buffer, at, start, end)
    builder.mention(relid)
    if (!isInsert) builder.mark(flag.nonInserts)
    builder.row()
    this.#blocks.cutWhenFull()
  }

  truncate(relids: readonly number[], source: Buffer, start: number, end: number): void {
    const builder = this.#builder
    const at = builder.reserve(end - start)
    source.copy(builder.buffer, at, start, end)
    for (const relid of relids) builder.mention(relid)
    builder.mark(flag.nonInserts)
  }

  relation(relid: number, source: Buffer, start: number, end: number): void {
    const { known } = this.#blocks
    const body = Buffer.from(source.subarray(start, end))
    // The source repeats the message in each of its sessions, which says nothing to whoever has read it.
    const isNew = known.last(relid, 'relation')?.equals(body) !== true
    this.#describe(relid, body, isNew)
    known.add({ relid, kind: 'relation', body })
  }

  schema(relid: number, json: Buffer, dropped: boolean): void {
    const body = schemaRecord(json)
    this.#describe(relid, body, true)
    this.#blocks.known.add({ relid, kind: 'schema', body: dropped ? undefined : body })
  }

  commit(endLsn: Lsn, isFollowed = false): void {
    const builder = this.#builder
    const open = builder.open
    if (open === undefined) throw new FeedError('FEED_BUG', 'a commit without a transaction')
    const at = builder.reserve(commitBytes)
    writeCommit(endLsn, builder.buffer, at)
    this.#complete(open.ts, endLsn)
    if (!isFollowed) this.#blocks.cutWhenFull()
  }

  closed(ts: Hlc, lsn: Lsn): void {
    const builder = this.#builder
    if (builder.inTransaction) throw new FeedError('FEED_BUG', 'a closed record inside a transaction')
    if (compareHlc(ts, builder.resolved) < 0) throw new FeedError('FEED_BUG', 'a closed timestamp ran backwards')
    const at = builder.reserve(closedBytes)
    writeClosed(ts, lsn, builder.buffer, at)
    this.#complete(ts, lsn > builder.endLsn ? lsn : builder.endLsn)
  }

  gap(ts: Hlc, lsn: Lsn, reason: string, relids?: readonly number[]): void {
    const builder = this.#builder
    if (builder.inTransaction) throw new FeedError('FEED_BUG', 'a gap inside a transaction')
    builder.append(gapRecord(reason, relids))
    for (const relid of relids ?? []) builder.mention(relid)
    builder.mark(flag.schema)
    builder.news()
    this.#complete(ts, lsn)
  }

  descriptionOf(relid: number): Buffer | undefined {
    return this.#blocks.known.last(relid, 'schema')?.subarray(tagBytes)
  }

  async flush(): Promise<void> {
    const blocks = this.#blocks
    blocks.file.check()
    blocks.writeComplete()
    const { boundary, changesEnd } = blocks
    if (boundary.position <= this.#head.head) return
    // The sync does not cover what is written while it runs, so the boundary from before the sync is published.
    const oldestMs = this.#oldestMs
    this.#oldestMs = undefined
    const startMs = performance.now()
    await blocks.file.sync()
    this.meter.observe('sync', (performance.now() - startMs) * 1e6)
    if (oldestMs !== undefined) this.meter.observe('durable', Math.max(0, Date.now() - oldestMs) * 1e6)
    this.#head.publish(boundary.position, boundary.resolved, boundary.endLsn, changesEnd)
  }

  async close(): Promise<void> {
    await this.#blocks.file.close()
  }

  #describe(relid: number, body: Buffer, isNew: boolean): void {
    this.#builder.append(body)
    this.#builder.mention(relid)
    this.#builder.mark(flag.schema)
    if (isNew) this.#builder.news()
  }

  #complete(resolved: Hlc, endLsn: Lsn): void {
    this.#builder.complete(resolved, endLsn)
    this.#blocks.known.complete()
  }
}
