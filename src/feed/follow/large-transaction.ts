// A transaction of many blocks, perhaps larger than memory: the log is read twice. First its records are counted; then, in
// as many passes as their keys need memory for, the last change of each row is found and kept as one bit. The feed then
// follows the transaction block by block and emits what has its bit set.

import type { LogReader } from '../../changelog/changelog.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { DeferrableTables } from '../transaction/deferrable-tables.ts'
import { FirstChanges, maxOrdinal } from '../transaction/first-changes.ts'
import { listRecords, OffsetList } from '../transaction/offset-list.ts'
import type { SchemaTrail } from '../transaction/schema-trail.ts'
import { readTableChanges, TablesAtEnd, type ReadsRowsAgain, type TableChanges } from '../transaction/tables-at-end.ts'
import type { KeptEvents, TransactionPlan } from '../transaction/transaction-plan.ts'
import { findLastChanges, type CountedTransaction, type Part, type PassLimits } from './last-change-passes.ts'
import { offsetIn, transactionBlocks, type ReadAhead, type TransactionStart } from './transaction-blocks.ts'

const defaultLimits: PassLimits = { rows: 2_000_000, bytes: 256 * 1024 * 1024 }

export interface LargeTransaction extends TransactionPlan, Disposable {}

export interface LargeOptions extends ReadAhead {
  readonly diff: boolean
  /** See `EmitterOptions`. */
  readonly readsRowsAgain: ReadsRowsAgain
  readonly limits?: PassLimits | undefined
}

export async function planLarge(options: LargeOptions, start: TransactionStart): Promise<LargeTransaction> {
  const { mayHaveNonInserts, atEnd } = await lookAhead(options, start)
  const onlyInserts: LargeTransaction = { kept: undefined, atEnd, [Symbol.dispose]: () => undefined }
  if (!mayHaveNonInserts) return onlyInserts
  const { parts, count, hasNonInserts, deferrable } = await countRecords(options, start)
  if (!hasNonInserts) return onlyInserts
  if (count > maxOrdinal) throw new FeedError('FEED_ROW', `a transaction has more than ${maxOrdinal} changes`)
  const bits = new Uint8Array(Math.floor(count / 4) + 1)
  const firstChanges = options.diff ? new FirstChanges() : undefined
  const limits = options.limits ?? defaultLimits
  const trail = await findLastChanges(options, { start, parts, count, bits, firstChanges, deferrable, limits })
  firstChanges?.seal()
  const reader = options.log.jumpTo(start.position)
  const find = finderOf(reader, options, { start, parts, trail })
  const kept = { bits, firstChanges, before: trail.before, find }
  return { kept, atEnd, [Symbol.dispose]: () => reader[Symbol.dispose]() }
}

interface Ahead extends Pick<TransactionPlan, 'atEnd'> {
  /** The first and the last block may also hold other transactions, so the answer is not exact. */
  readonly mayHaveNonInserts: boolean
}

/** Reads the headers of all blocks, and the payloads of those that hold schema records. */
async function lookAhead(options: LargeOptions, start: TransactionStart): Promise<Ahead> {
  const changes: TableChanges = new Map()
  const list = new OffsetList()
  let mayHaveNonInserts = false
  for await (const block of transactionBlocks(options, start)) {
    mayHaveNonInserts ||= block.hasNonInserts && options.partitions.mentionedIn(block)
    if (!block.hasSchema) continue
    const payload = block.payload()
    listRecords(payload, offsetIn(block, start), options.partitions.isTarget, list)
    readTableChanges(options.schemas, { payload, list }, changes)
  }
  return { mayHaveNonInserts, atEnd: TablesAtEnd.from(changes, options.readsRowsAgain) }
}

interface Counted extends Pick<CountedTransaction, 'parts' | 'count' | 'deferrable'> {
  readonly hasNonInserts: boolean
}

async function countRecords(options: LargeOptions, start: TransactionStart): Promise<Counted> {
  const parts: Part[] = []
  let count = 0
  let hasNonInserts = false
  const list = new OffsetList()
  const tables = new DeferrableTables(options.schemas)
  for await (const block of transactionBlocks(options, start)) {
    if (!options.partitions.mentionedIn(block) && !block.hasSchema) continue
    const payload = block.payload()
    listRecords(payload, offsetIn(block, start), options.partitions.isTarget, list)
    tables.read(payload, list)
    parts.push({ position: block.position, firstOrdinal: count })
    count += list.count
    hasNonInserts ||= list.hasNonInserts
  }
  return { parts, count, hasNonInserts, deferrable: tables.end() }
}

/** Returns what reads single records of the transaction again, with `reader`, while it is being emitted. */
function finderOf(reader: LogReader, { partitions }: LargeOptions, found: Found): KeptEvents['find'] {
  const list = new OffsetList()
  let part: Part | undefined
  let payload: Buffer = Buffer.alloc(0)
  return (ordinal) => {
    const wanted = partOf(found.parts, ordinal)
    if (wanted !== part) {
      part = wanted
      payload = reader.readAt(part.position).payload()
      listRecords(payload, offsetIn(part, found.start), partitions.isTarget, list)
    }
    const offset = list.offsets[ordinal - wanted.firstOrdinal] as number
    return { payload, offset, schemas: found.trail.at(ordinal) }
  }
}

interface Found extends Pick<CountedTransaction, 'start' | 'parts'> {
  readonly trail: SchemaTrail
}

/** Returns the part of the record with this ordinal. */
function partOf(parts: readonly Part[], ordinal: number): Part {
  let low = 0
  let high = parts.length
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((parts[middle] as Part).firstOrdinal <= ordinal) low = middle
    else high = middle
  }
  return parts[low] as Part
}
