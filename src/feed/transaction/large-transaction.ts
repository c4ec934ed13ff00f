// A transaction of many blocks, perhaps larger than memory: the log is read twice. First its rows are counted; then, in
// as many passes as their keys need memory for, the last change of each row is found and kept as one bit. The feed then
// follows the transaction block by block and emits what has its bit set.

import type { Changelog, LogBlock } from '../../changelog/changelog.ts'
import type { Lsn } from '../../core/lsn.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import { ChangeReader } from './change-reader.ts'
import { DeferrableTables } from './deferrable-tables.ts'
import type { FoundRecord, KeptEvents } from './emit-transaction.ts'
import { FirstChanges, maxOrdinal } from './first-changes.ts'
import { LastChanges } from './last-changes.ts'
import { isRow, listRecords, OffsetList, recordEnd } from './offset-list.ts'
import { SchemaTrail } from './schema-trail.ts'

export interface PassLimits {
  /** Changes whose keys one pass may hold. */
  readonly rows: number
  /** Memory for them: keys may be wide. */
  readonly bytes: number
}

const defaultLimits: PassLimits = { rows: 2_000_000, bytes: 256 * 1024 * 1024 }

export interface LargeTransaction {
  /** Undefined: it only inserts, so every change is the last of its row. */
  readonly kept: KeptEvents | undefined
  [Symbol.dispose](): void
}

export interface LargeOptions {
  readonly log: Changelog
  readonly schemas: SchemaHistory
  readonly isTarget: (relid: number) => boolean
  readonly mentionsTarget: (block: LogBlock) => boolean
  readonly diff: boolean
  /** Called now and then, so that the thread stays awake for others. */
  readonly yieldThread: () => Promise<void>
  readonly limits?: PassLimits | undefined
  /** A transaction may take minutes: when the feed is stopped, so is this, and its reason is thrown. */
  readonly signal: AbortSignal
}

/** One block's part of the transaction. */
interface Part {
  readonly position: number
  readonly firstOrdinal: number
}

/** `position`, `offset`: the block and the place in its payload where the transaction's records begin. */
export async function planLarge(options: LargeOptions, position: number, offset: number): Promise<LargeTransaction> {
  if (!(await mayHaveNonInserts(options, position))) return onlyInserts
  const parts: Part[] = []
  let count = 0
  let hasNonInserts = false
  const list = new OffsetList()
  const tables = new DeferrableTables(options.schemas)
  for (const block of blocksFrom(options, position)) {
    if (options.mentionsTarget(block) || block.hasSchema) {
      const payload = block.payload()
      listRecords(payload, block.position === position ? offset : 0, options.isTarget, list)
      for (let i = 0; list.hasSchema && i < list.count; i++) {
        const at = list.offsets[i] as number
        if (!isRow(payload[at] as number)) tables.note(payload, at)
      }
      parts.push({ position: block.position, firstOrdinal: count })
      count += list.count
      hasNonInserts ||= list.hasNonInserts
    }
    await yieldThread(options)
  }
  const deferrable = tables.end()
  if (!hasNonInserts) return onlyInserts

  if (count > maxOrdinal) throw new FeedError('FEED_ROW', `a transaction has more than ${maxOrdinal} changes`)

  const bits = new Uint8Array(Math.floor(count / 4) + 1)
  const firstChanges = options.diff ? new FirstChanges() : undefined
  const { rows } = options.limits ?? defaultLimits
  let passes = Math.ceil(count / rows)
  let trail: SchemaTrail | undefined
  for (let pass = 0; pass < passes; pass++) {
    trail = await findLast(options, parts, position, offset, { bits, firstChanges, deferrable, pass, passes })
    if (trail !== undefined) continue
    // Wider keys than thought: from the beginning, with fewer at a time.
    bits.fill(0)
    firstChanges?.clear()
    passes *= 2
    pass = -1
  }
  firstChanges?.seal()

  const again = options.log.jumpTo(position)
  const found = new OffsetList()
  let foundPart: Part | undefined
  let payload: Buffer = Buffer.alloc(0)
  const find = (ordinal: number): FoundRecord => {
    const part = partOf(parts, ordinal)
    if (part !== foundPart) {
      payload = again.readAt(part.position).payload()
      listRecords(payload, part.position === position ? offset : 0, options.isTarget, found)
      foundPart = part
    }
    return {
      payload,
      offset: found.offsets[ordinal - part.firstOrdinal] as number,
      schemas: trail?.at(ordinal),
    }
  }
  return { kept: { bits, firstChanges, before: trail?.before, find }, [Symbol.dispose]: () => again[Symbol.dispose]() }
}

const onlyInserts: LargeTransaction = { kept: undefined, [Symbol.dispose]: () => undefined }

/** By the headers of its blocks; the first and the last may hold other transactions. */
async function mayHaveNonInserts(options: LargeOptions, position: number): Promise<boolean> {
  for (const block of blocksFrom(options, position)) {
    if (block.hasNonInserts && options.mentionsTarget(block)) return true
    await yieldThread(options)
  }
  return false
}

/** Only who lets others in hears that the feed was stopped. */
async function yieldThread(options: LargeOptions): Promise<void> {
  await options.yieldThread()
  options.signal.throwIfAborted()
}

interface Pass {
  readonly bits: Uint8Array
  readonly firstChanges: FirstChanges | undefined
  readonly deferrable: ReadonlySet<number>
  readonly pass: number
  readonly passes: number
}

/** The last part that begins at or before the ordinal; many lie side by side. */
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

/** Undefined: the keys of this pass take too much memory. */
async function findLast(
  options: LargeOptions,
  parts: readonly Part[],
  position: number,
  offset: number,
  work: Pass,
): Promise<SchemaTrail | undefined> {
  const { schemas } = options
  const { pass, passes } = work
  const { bytes } = options.limits ?? defaultLimits
  const trail = new SchemaTrail(schemas)
  const wanted = passes === 1 ? undefined : (hash: number): boolean => hash % passes === pass
  const change = new ChangeReader(schemas)
  const last = new LastChanges(work.deferrable)
  const list = new OffsetList()
  using reader = options.log.jumpTo(position)
  for (const part of parts) {
    const payload = reader.readAt(part.position).payload()
    listRecords(payload, part.position === position ? offset : 0, options.isTarget, list)
    for (let i = 0; i < list.count; i++) {
      const at = list.offsets[i] as number
      if (!isRow(payload[at] as number)) {
        schemas.apply(payload, at, recordEnd(payload, at))
        trail.note(part.firstOrdinal + i)
        continue
      }
      change.read(payload, at)
      last.note(change, part.firstOrdinal + i, wanted)
    }
    if (last.bytes > bytes) {
      schemas.restore(trail.start)
      return undefined
    }
    await yieldThread(options)
  }
  schemas.restore(trail.start)
  last.collect(work.bits, work.firstChanges)
  return trail
}

/**
 * The blocks of the transaction, the one at `position` first. That a block continues does not say that this transaction
 * does: it may end in the block, and another one be cut at the block's end. Whose block it is says what is open there.
 */
function* blocksFrom({ log }: LargeOptions, position: number): Generator<LogBlock> {
  using reader = log.jumpTo(position)
  let commitLsn: Lsn | undefined
  for (let block = reader.next(); block !== undefined; block = reader.next()) {
    if (block.position > position) {
      commitLsn ??= block.open?.commitLsn
      if (block.open === undefined || block.open.commitLsn !== commitLsn) return
    }
    yield block
    if (!block.continues) return
  }
}
