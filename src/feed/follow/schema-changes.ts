// Which tables a transaction changes: the descriptions in its schema records are compared with those that were known
// before it. Nothing is applied here, so that a reader that stops before the transaction has its earlier schemas.

import { isDeepStrictEqual } from 'node:util'
import type { TableDescription } from '../../core/table.ts'
import { listRecords, OffsetList } from '../transaction/offset-list.ts'
import { readTableChanges, type TableChanges } from '../transaction/tables-at-end.ts'
import { offsetIn, transactionBlocks, type ReadAhead, type TransactionStart } from './transaction-blocks.ts'

/** The effect of one transaction, with all of its DDL, on one table. */
export interface SchemaChange {
  readonly before: TableDescription
  /** The table after the transaction, with `dropped` if the transaction drops the table. */
  readonly after: TableDescription
}

/** What a transaction changes for a feed. */
export class TransactionChanges {
  /** The targets that have other descriptions after the transaction. */
  readonly tables = new Map<number, SchemaChange>()
  /** The tables that it has attached as partitions of targets when they may have had rows, and these targets. */
  readonly attached = new Map<number, number>()
  /** The name of one of these of which earlier changes may have been passed over. */
  passedOver: string | undefined
  /** Partitions that it has detached and attached again without rows. */
  readonly returned = new Set<number>()
  /** The name of a table or partition of the feed of which changes may be missing. */
  unlogged: string | undefined

  get isEmpty(): boolean {
    return this.tables.size === 0 && this.attached.size === 0
  }
}

/** Adds what the listed schema records of one part change. */
export function readSchemaChanges(
  { schemas, partitions }: Pick<ReadAhead, 'schemas' | 'partitions'>,
  part: { readonly payload: Buffer; readonly list: OffsetList },
  found: TransactionChanges,
): void {
  const { tables: changes, attached } = found
  const described: TableChanges = new Map()
  readTableChanges(schemas, part, described)
  for (const [relid, { before, between = [], after }] of described) {
    const target = partitions.targetOf(after)
    if ((target !== undefined || partitions.isOwn(relid)) && mayLackChanges({ before, after }))
      found.unlogged = after.name
    if (target !== relid) {
      if (target !== undefined && isAttached(before, after)) {
        attached.set(relid, target)
        if (after.passedOver === true) found.passedOver = after.name
      } else attached.delete(relid)
      const isSame = target !== undefined && partitions.targetOf(before) === target && !attached.has(relid)
      if (isSame && between.some((description) => partitions.targetOf(description) !== target))
        found.returned.add(relid)
      if (!partitions.isOwn(relid)) continue
    }
    // The log describes tables again now and then, and a later DDL of the transaction may undo an earlier one.
    if (before === undefined || isDeepStrictEqual(before, after)) changes.delete(relid)
    else changes.set(relid, { before, after })
  }
}

/**
 * Does the same for a transaction of many blocks. Only the payloads of blocks with schema records are read. Returns whether the
 * transaction may have rows of the targets; its first and its last block may hold rows of other transactions.
 */
export async function readChangesOfLarge(
  options: ReadAhead,
  start: TransactionStart,
  changes: TransactionChanges,
): Promise<boolean> {
  const list = new OffsetList()
  let hasRows = false
  for await (const block of transactionBlocks(options, start)) {
    hasRows ||= options.partitions.mentionedIn(block)
    if (!block.hasSchema) continue
    const payload = block.payload()
    listRecords(payload, offsetIn(block, start), options.partitions.isTarget, list)
    readSchemaChanges(options, { payload, list }, changes)
  }
  return hasRows
}

/** Whether a table that is a partition now was attached as one since, when it may have had rows that nobody has followed. */
export function isAttached(before: TableDescription | undefined, { attached }: TableDescription): boolean {
  return attached !== undefined && attached !== before?.attached
}

/** Whether the table may have been unlogged between the two, so that changes of it are missing. */
export function mayLackChanges({
  before,
  after,
}: {
  readonly before: TableDescription | undefined
  readonly after: TableDescription
}): boolean {
  return before !== undefined && after.unlogged !== undefined && after.unlogged !== before.unlogged
}
