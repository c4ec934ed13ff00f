// Follows the changelog from a reader on: what is above `after` becomes messages, in log order, until the end time, a
// boundary, an error, or the signal. The frontier is what the log says is complete; it moves when a block is done.
//
// A boundary lies before a transaction that changes tables of the feed. `run` returns there, when everything before the
// transaction is in `changes` and nothing of it is, and continues with the transaction when it is called again:
//
//                 ┌────────── run ──────────┐
//                 ▼                         │
//   run ──► following ──► boundary ─────────┘
//                 └─────► end, stopped

import { keepBytes } from '../../bytes/byte-writer.ts'
import type { LogBlock } from '../../changelog/changelog.ts'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import { SchemaHistory } from '../../decode/schema-history.ts'
import { ThreadShare } from '../share-thread.ts'
import { TransactionEmitter } from '../transaction/emit-transaction.ts'
import { Partitions } from '../transaction/partitions.ts'
import { Ends } from './ends.ts'
import type { Followed, FollowOptions } from './follow-options.ts'
import { planLarge, type LargeOptions, type LargeTransaction } from './large-transaction.ts'
import { PartitionNews } from './partition-news.ts'
import { readChangesOfLarge, readSchemaChanges, TransactionChanges } from './schema-changes.ts'
import { TransactionParts } from './transaction-parts.ts'

/** The transaction of many blocks that is being followed. */
interface OpenLarge {
  readonly ts: Hlc
  readonly plan: LargeTransaction
  /** How many records of the transaction were listed in earlier blocks. */
  listed: number
}

export class LogFollower {
  readonly #options: FollowOptions
  readonly #ahead: LargeOptions
  readonly #schemas = new SchemaHistory()
  readonly #partitions: Partitions
  readonly #news: PartitionNews
  readonly #ends: Ends
  readonly #parts: TransactionParts
  readonly #emitter: TransactionEmitter
  readonly #threadShare = new ThreadShare()
  #frontier: Hlc
  /** The block that is being followed; undefined: the next one must be read. */
  #block: LogBlock | undefined
  #large: OpenLarge | undefined
  /** The timestamp of the boundary at which `run` has returned last, or which is passed over. */
  #boundary: Hlc | undefined

  constructor(options: FollowOptions) {
    const { log, targets, changes, diff, readsRowsAgain = () => false, onlyMissed, signal, limits } = options
    const schemas = this.#schemas
    const topics: ReadonlyMap<number, number> = new Map(targets.map(({ relid }, index) => [relid, index]))
    const partitions = new Partitions(topics.keys())
    this.#partitions = partitions
    this.#options = options
    this.#frontier = options.after
    this.#boundary = options.passed
    this.#ahead = {
      log,
      schemas,
      diff,
      readsRowsAgain,
      limits,
      signal,
      partitions,
      yieldThread: () => this.#threadShare.yieldIfDue(),
    }
    const ends = new Ends({ ...options, schemas, partitions })
    this.#ends = ends
    this.#news = new PartitionNews({
      schemas,
      partitions,
      nameOf: (target) => ends.nameOf(target),
      tell: options.tell ?? (() => undefined),
      tellsAtBoundary: options.stopsAtSchemaChange,
    })
    this.#parts = new TransactionParts({ schemas, partitions, gap: (through, reason) => ends.gap(through, reason) })
    this.#emitter = new TransactionEmitter({ schemas, partitions, topics, changes, diff, readsRowsAgain, onlyMissed })
  }

  /** Settles at the end time, at a boundary, or when the signal aborts; throws what ends the feed. */
  async run(): Promise<Followed> {
    const { signal, changes, reader, quietMs = 0, advanced } = this.#options
    const { tables } = this.#partitions
    try {
      while (!signal.aborted) {
        if (this.#block === undefined) {
          const resolved = reader.passOver(tables)
          if (resolved !== undefined) {
            // The head of the log is between two transactions.
            this.#endLarge()
            this.#parts.skip()
            if (this.#reached(resolved)) return { tag: 'end' }
            await advanced(this.#frontier)
            await this.#threadShare.yieldIfDue()
          }
        }
        const block = this.#block ?? this.#nextBlock()
        if (block === undefined) {
          await changes.drain()
          await reader.wait(signal, { ms: quietMs, tables })
          this.#threadShare.restart()
          continue
        }
        const result = await this.#follow(block)
        if (result !== undefined) return result
        if (this.#finish(block)) return { tag: 'end' }
        await advanced(this.#frontier)
        await this.#threadShare.yieldIfDue()
      }
    } catch (error) {
      // The signal has aborted while the log was read ahead.
      if (!signal.aborted || error !== signal.reason) throw error
    } finally {
      this.#endLarge()
    }
    return { tag: 'stopped' }
  }

  #nextBlock(): LogBlock | undefined {
    const block = this.#options.reader.next()
    if (block === undefined) return undefined
    this.#block = block
    // The large transaction may have ended in a block that this feed skipped, so the open one can be another.
    const large = this.#large
    if (large !== undefined && (block.open === undefined || compareHlc(block.open.ts, large.ts) !== 0)) this.#endLarge()
    if (block.hasSchema || this.#partitions.mentionedIn(block)) this.#parts.open(block)
    else this.#parts.skip()
    return block
  }

  /** Writes the changes of this feed in the rest of the block. Returns undefined if the block is done. */
  async #follow(block: LogBlock): Promise<Followed | undefined> {
    const { changes } = this.#options
    let followed
    try {
      followed = await this.#followParts(block)
    } finally {
      // What was gathered lies in the payload of this block. Also before an error it comes first.
      this.#emitter.settle()
    }
    if (changes.isFull) await changes.drain()
    return followed
  }

  async #followParts(block: LogBlock): Promise<Followed | undefined> {
    const { after, endTime } = this.#options
    const parts = this.#parts
    while (parts.next()) {
      const { ts, list } = parts
      if (endTime !== undefined && compareHlc(ts, endTime) > 0) return { tag: 'end' }
      if (compareHlc(ts, after) <= 0) {
        parts.applySchemas()
        continue
      }
      this.#news.begin()
      if (list.truncations.length > 0) this.#ends.checkTruncated(parts)
      if (this.#mayBeBoundary()) {
        const boundary = await this.#boundaryAt(ts, block)
        if (boundary !== undefined) return boundary
      }
      this.#emitter.stamp(ts)
      const written = this.#writePart(block)
      if (written !== undefined) await written
      // Records between transactions may change what is known of the tables.
      if (block.hasSchema) this.#emitter.settle()
    }
    return undefined
  }

  /** Moves the frontier to the end of the block. Returns true if the end time is reached. */
  #finish(block: LogBlock): boolean {
    this.#block = undefined
    if (this.#parts.payload.length > keepBytes) this.#emitter.release()
    return this.#reached(block.resolved)
  }

  /** Moves the frontier to `resolved`. Returns true if the end time is reached. */
  #reached(resolved: Hlc): boolean {
    const { endTime } = this.#options
    if (compareHlc(resolved, this.#frontier) > 0) {
      this.#frontier = resolved
      // Also finds what was dropped while the feed was being started: no transaction would ever mention it.
      this.#ends.checkDropped()
      this.#news.check()
    }
    return endTime !== undefined && compareHlc(this.#frontier, endTime) >= 0
  }

  /** Whether the present part is the first of its transaction, and the transaction may hold schema records. */
  #mayBeBoundary(): boolean {
    const { list, ts } = this.#parts
    if (!this.#options.stopsAtSchemaChange || this.#large !== undefined) return false
    if (list.committed && !list.hasSchema) return false
    return this.#boundary === undefined || compareHlc(this.#boundary, ts) !== 0
  }

  /** Returns undefined if the transaction of the present part changes no table of the feed. */
  async #boundaryAt(at: Hlc, { position }: LogBlock): Promise<Followed | undefined> {
    const { list, start } = this.#parts
    const changes = new TransactionChanges()
    let hasRows
    if (list.committed) {
      readSchemaChanges(this.#ahead, this.#parts, changes)
      hasRows = list.hasRows
    } else hasRows = await readChangesOfLarge(this.#ahead, { position, offset: start }, changes)
    this.#news.returned(changes.returned)
    if (changes.isEmpty) return undefined
    if (this.#options.needsEveryChange === true) this.#ends.checkPassedOver(changes, this.#parts.ts)
    this.#parts.putBack()
    this.#boundary = at
    this.#news.changing(changes.tables.values())
    this.#news.attaching(changes.attached.keys())
    return { tag: 'boundary', at, changes: [...changes.tables.values()], attached: changes.attached, hasRows }
  }

  /** Writes the present part. Returns a promise only if there is something to wait for. */
  #writePart(block: LogBlock): Promise<void> | undefined {
    const { payload, list } = this.#parts
    if (list.hasSchema && this.#options.needsEveryChange === true) {
      const changes = new TransactionChanges()
      readSchemaChanges(this.#ahead, this.#parts, changes)
      this.#ends.checkPassedOver(changes, this.#parts.ts)
      if (!this.#options.stopsAtSchemaChange) this.#news.returned(changes.returned)
    }
    if (this.#large !== undefined || !list.committed) return this.#writePartOfLarge(block)
    if (list.hasSchema) return this.#writeWithSchemas()
    return list.count > 0 ? this.#emitter.emitWhole(payload, list) : undefined
  }

  async #writePartOfLarge({ position }: LogBlock): Promise<void> {
    const { start, ts } = this.#parts
    if (this.#large === undefined) {
      const { count } = this.#partitions
      this.#large = { ts, plan: await planLarge(this.#ahead, { position, offset: start }), listed: 0 }
      // The transaction makes tables partitions of targets later on: their rows are listed as they were when it was read ahead.
      if (this.#partitions.count !== count) this.#parts.listAgain()
    }
    const { payload, list } = this.#parts
    const { hasSchema } = list
    const large = this.#large
    const ordinal = large.listed
    large.listed += list.count
    await this.#emitter.emit(payload, list, large.plan, ordinal)
    if (list.committed) this.#endLarge()
    if (hasSchema) this.#ends.checkDropped()
  }

  async #writeWithSchemas(): Promise<void> {
    await this.#emitter.emitWhole(this.#parts.payload, this.#parts.list)
    this.#ends.checkDropped()
    // The next transaction of the block may undo it.
    this.#news.check()
  }

  #endLarge(): void {
    this.#large?.plan[Symbol.dispose]()
    this.#large = undefined
  }
}
