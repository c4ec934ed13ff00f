// Follows the changelog from a reader on: what is above `after` becomes messages, in log order, until the end time, an
// error, or the signal. The frontier is what the log says is complete; it moves when a block is done.

import { keepBytes } from '../../bytes/byte-writer.ts'
import { timestampOf } from '../../changelog/records.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { record, type Changelog, type LogBlock, type LogReader } from '../../changelog/changelog.ts'
import { concerns, readGap } from '../../changelog/files/gap-record.ts'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import { TransactionEmitter } from '../transaction/emit-transaction.ts'
import type { FeedTarget } from '../../core/feed-spec.ts'
import { planLarge, type LargeTransaction, type PassLimits } from '../transaction/large-transaction.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import { listRecords, OffsetList } from '../transaction/offset-list.ts'
import { ThreadShare } from '../share-thread.ts'

export interface FollowOptions {
  readonly log: Changelog
  readonly reader: LogReader
  readonly schemas: SchemaHistory
  readonly targets: readonly FeedTarget[]
  readonly diff: boolean
  /** Exclusive. */
  readonly after: Hlc
  /** Inclusive. */
  readonly endTime: Hlc | undefined
  readonly changes: ChangeWriter
  /** How late the frontier may be where nothing but time has passed. */
  readonly quietMs?: number
  /** Everything at or below the frontier has been written to `changes`. */
  readonly advanced: (frontier: Hlc) => Promise<void>
  readonly signal: AbortSignal
  /** Of the memory that a large transaction may take; for tests. */
  readonly limits?: PassLimits | undefined
}

export class LogFollower {
  readonly #options: FollowOptions
  readonly #topics: ReadonlyMap<number, number>
  readonly #isTarget: (relid: number) => boolean
  readonly #emitter: TransactionEmitter
  readonly #list = new OffsetList()
  #frontier: Hlc
  /** The transaction of many blocks that is being followed, and the records of it that were listed. */
  #large: LargeTransaction | undefined
  #largeTs: Hlc | undefined
  #ordinal = 0
  /** Of the schemas, when they were last looked through for tables that were dropped. */
  #checkedVersion = 0
  readonly #threadShare = new ThreadShare()

  constructor(options: FollowOptions) {
    this.#options = options
    this.#frontier = options.after
    this.#topics = new Map(options.targets.map(({ relid }, index) => [relid, index]))
    this.#isTarget = (relid) => this.#topics.has(relid)
    const { schemas, changes, diff } = options
    this.#emitter = new TransactionEmitter({ schemas, topics: this.#topics, changes, diff })
  }

  /** Settles at the end time or when the signal aborts; throws what ends the feed. */
  async run(): Promise<void> {
    const { reader, signal, changes, advanced, endTime, quietMs } = this.#options
    try {
      while (!signal.aborted) {
        const block = reader.next()
        if (block === undefined) {
          await changes.drain()
          await reader.wait(signal, quietMs)
          this.#threadShare.restart()
          continue
        }
        const ended = await this.#block(block)
        if (ended || (endTime !== undefined && compareHlc(this.#frontier, endTime) >= 0)) return
        await advanced(this.#frontier)
        await this.#threadShare.yieldIfDue()
      }
    } catch (error) {
      // It was stopped in the passes over a large transaction.
      if (!signal.aborted || error !== signal.reason) throw error
    } finally {
      this.#large?.[Symbol.dispose]()
    }
  }

  /** True: the end time is passed. */
  async #block(block: LogBlock): Promise<boolean> {
    // It may have ended in a block that holds nothing for this feed, and another one be open now.
    const isSame =
      block.open !== undefined && this.#largeTs !== undefined && compareHlc(block.open.ts, this.#largeTs) === 0
    if (!isSame) this.#endLarge()
    if (block.hasSchema || this.#mentionsTarget(block)) {
      const { endTime } = this.#options
      const payload = block.payload()
      let ts = block.open?.ts
      /** Why changes between here and the next transaction are missing. */
      let gap: string | undefined
      for (let at = 0; at < payload.length;) {
        if (ts === undefined) {
          const tag = payload[at + 4]
          const start = at + 4
          at = start + payload.readUInt32BE(at)
          if (tag === record.begin) {
            ts = timestampOf(payload, start)
            if (gap !== undefined) this.#gap(ts, gap)
            gap = undefined
          } else if (tag === record.gap || tag === record.gapOf) {
            const found = readGap(payload, start, at)
            if (found !== undefined && concerns(found, this.#isTarget)) gap ??= found.reason
          } else if (tag === record.schema || tag === record.relation) this.#options.schemas.apply(payload, start, at)
          continue
        }
        if (endTime !== undefined && compareHlc(ts, endTime) > 0) return true
        const from = at
        at = listRecords(payload, at, this.#isTarget, this.#list)
        const part = this.#part(block, payload, from, ts)
        if (part !== undefined) await part
        if (this.#list.committed) ts = undefined
      }
      if (gap !== undefined) this.#gap(block.resolved, gap)
      if (payload.length > keepBytes) this.#emitter.release()
    }
    if (compareHlc(block.resolved, this.#frontier) > 0) {
      this.#frontier = block.resolved
      // Also what was dropped while the feed was being started: nothing would ever come of it.
      this.#checkDropped()
    }
    return false
  }

  /** The listed records of one transaction in one block. A promise only where there is something to wait for. */
  #part(block: LogBlock, payload: Buffer, from: number, ts: Hlc): Promise<void> | undefined {
    const list = this.#list
    const { after, changes } = this.#options
    if (compareHlc(ts, after) <= 0) {
      for (let i = 0; list.hasSchema && i < list.count; i++) this.#applySchema(payload, list.offsets[i] as number)
      return undefined
    }
    if (list.truncated !== 0) throw this.#ended('FEED_TRUNCATED', list.truncated, 'was truncated')
    changes.stamp(ts)
    if (this.#large !== undefined || !list.committed) return this.#largePart(block, payload, from, ts)
    if (list.hasSchema) return this.#wholeWithSchema(payload)
    return list.count > 0 ? this.#emitter.emitWhole(payload, list) : undefined
  }

  async #largePart(block: LogBlock, payload: Buffer, from: number, ts: Hlc): Promise<void> {
    const list = this.#list
    const { hasSchema } = list
    if (this.#large === undefined) await this.#beginLarge(block, from, ts)
    const ordinal = this.#ordinal
    this.#ordinal += list.count
    await this.#emitter.emit(payload, list, this.#large?.kept, ordinal)
    if (list.committed) this.#endLarge()
    if (hasSchema) this.#checkDropped()
  }

  async #wholeWithSchema(payload: Buffer): Promise<void> {
    await this.#emitter.emitWhole(payload, this.#list)
    this.#checkDropped()
  }

  #checkDropped(): void {
    const { schemas } = this.#options
    if (schemas.version === this.#checkedVersion) return
    this.#checkedVersion = schemas.version
    for (const { relid } of this.#options.targets) {
      if (schemas.relation(relid)?.description.dropped === true) throw this.#ended('FEED_DROPPED', relid, 'was dropped')
    }
  }

  #applySchema(payload: Buffer, offset: number): void {
    const tag = payload[offset]
    if (tag !== record.schema && tag !== record.relation) return
    this.#options.schemas.apply(payload, offset, offset + payload.readUInt32BE(offset - 4))
  }

  async #beginLarge(block: LogBlock, from: number, ts: Hlc): Promise<void> {
    const { log, schemas, diff, limits } = this.#options
    this.#ordinal = 0
    this.#largeTs = ts
    this.#large = await planLarge(
      {
        log,
        schemas,
        diff,
        isTarget: this.#isTarget,
        mentionsTarget: (candidate) => this.#mentionsTarget(candidate),
        yieldThread: () => this.#threadShare.yieldIfDue(),
        limits,
        signal: this.#options.signal,
      },
      block.position,
      from,
    )
  }

  #endLarge(): void {
    this.#large?.[Symbol.dispose]()
    this.#large = undefined
    this.#largeTs = undefined
  }

  #mentionsTarget(block: LogBlock): boolean {
    for (const { relid } of this.#options.targets) if (block.mentions(relid)) return true
    return false
  }

  /** `through`: what is missing lies below it, as far as is known. A feed that starts there or later misses nothing. */
  #gap(through: Hlc, reason: string): void {
    if (compareHlc(through, this.#options.after) <= 0) return
    throw new FeedError('FEED_GAP', `changes are missing: ${reason}`, {
      hint: 'start the changefeed again with an initial scan',
    })
  }

  #ended(code: 'FEED_TRUNCATED' | 'FEED_DROPPED', relid: number, what: string): FeedError {
    const target = this.#options.targets.find((candidate) => candidate.relid === relid)
    return new FeedError(code, `"${target?.tableName ?? relid}" ${what}`)
  }
}
