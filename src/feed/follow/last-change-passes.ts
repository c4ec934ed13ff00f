// Finds the last change of each row of a large transaction in several passes over its blocks. A pass reads the rows
// whose keys have a certain hash, so that the keys of one pass fit into memory.

import type { Position } from '../../changelog/changelog.ts'
import { isRow, recordEnd } from '../../changelog/records.ts'
import { ChangeReader } from '../transaction/change-reader.ts'
import type { FirstChanges } from '../transaction/first-changes.ts'
import { LastChanges } from '../transaction/last-changes.ts'
import { listRecords, OffsetList } from '../transaction/offset-list.ts'
import { SchemaTrail } from '../transaction/schema-trail.ts'
import { offsetIn, type ReadAhead, type TransactionStart } from './transaction-blocks.ts'

export interface PassLimits {
  /** The most changes whose keys one pass may hold. */
  readonly rows: number
  /** The most memory for these keys, which may be wide. */
  readonly bytes: number
}

/** The part of the transaction in one block. */
export interface Part {
  readonly position: Position
  readonly firstOrdinal: number
}

export interface CountedTransaction {
  readonly start: TransactionStart
  readonly parts: readonly Part[]
  /** The number of all listed records. */
  readonly count: number
  /** Has a bit for each event, which is set if the event is to be emitted. */
  readonly bits: Uint8Array
  readonly firstChanges: FirstChanges | undefined
  /** Tables that the transaction changes, and whose key is DEFERRABLE at some point of the transaction. */
  readonly deferrable: ReadonlySet<number>
  readonly limits: PassLimits
}

/** Returns the schemas of the tables at each point of the transaction. */
export async function findLastChanges(options: ReadAhead, counted: CountedTransaction): Promise<SchemaTrail> {
  const { count, bits, firstChanges, limits } = counted
  let passes = Math.ceil(count / limits.rows)
  for (let pass = 0; ;) {
    const trail = await runPass(options, counted, passes === 1 ? undefined : (hash) => hash % passes === pass)
    if (trail === 'too wide') {
      // The keys take more memory than they may: the passes start again, and are more.
      bits.fill(0)
      firstChanges?.clear()
      passes *= 2
      pass = 0
    } else if (++pass === passes) return trail
  }
}

async function runPass(
  { log, schemas, partitions, yieldThread, signal }: ReadAhead,
  { start, parts, deferrable, limits, bits, firstChanges }: CountedTransaction,
  wanted: ((hash: number) => boolean) | undefined,
): Promise<SchemaTrail | 'too wide'> {
  const trail = new SchemaTrail(schemas)
  const change = new ChangeReader(schemas, partitions)
  const last = new LastChanges(deferrable)
  const list = new OffsetList()
  using reader = log.jumpTo(start.position)
  for (const part of parts) {
    const payload = reader.readAt(part.position).payload()
    listRecords(payload, offsetIn(part, start), partitions.isTarget, list)
    for (let i = 0; i < list.count; i++) {
      const at = list.offsets[i] as number
      if (isRow(payload[at] as number)) {
        if (change.read(payload, at)) last.note(change, part.firstOrdinal + i, wanted)
      } else {
        schemas.apply(payload, at, recordEnd(payload, at))
        trail.note(part.firstOrdinal + i)
      }
    }
    if (last.bytes > limits.bytes) {
      schemas.restore(trail.start)
      return 'too wide'
    }
    await yieldThread()
    signal.throwIfAborted()
  }
  schemas.restore(trail.start)
  last.collect(bits, firstChanges)
  return trail
}
