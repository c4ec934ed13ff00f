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

/** Adds what the listed schema records of one part change to `changes`, by relation. */
export function readSchemaChanges(
  { schemas, isTarget }: Pick<ReadAhead, 'schemas' | 'isTarget'>,
  part: { readonly payload: Buffer; readonly list: OffsetList },
  changes: Map<number, SchemaChange>,
): void {
  const described: TableChanges = new Map()
  readTableChanges(schemas, part, described)
  for (const [relid, { before, after }] of described) {
    if (!isTarget(relid)) continue
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
  changes: Map<number, SchemaChange>,
): Promise<boolean> {
  const list = new OffsetList()
  let hasRows = false
  for await (const block of transactionBlocks(options, start)) {
    hasRows ||= options.mentionsTarget(block)
    if (!block.hasSchema) continue
    const payload = block.payload()
    listRecords(payload, offsetIn(block, start), options.isTarget, list)
    readSchemaChanges(options, { payload, list }, changes)
  }
  return hasRows
}
