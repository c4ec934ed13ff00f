// Which tables a transaction changes: the descriptions in its schema records are compared with those that were known
// before it. Nothing is applied here, so that a reader that stops before the transaction has its earlier schemas.

import { record, recordEnd } from '../../changelog/records.ts'
import { isDeepStrictEqual } from 'node:util'
import type { TableDescription } from '../../core/table.ts'
import { readDescription } from '../../decode/schema-history.ts'
import { listRecords, OffsetList } from '../transaction/offset-list.ts'
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
  { payload, list }: { readonly payload: Buffer; readonly list: OffsetList },
  changes: Map<number, SchemaChange>,
): void {
  for (const offset of list.schemaRecords(payload)) {
    if (payload[offset] !== record.schema) continue
    const after = readDescription(payload, offset + 1, recordEnd(payload, offset))
    if (!isTarget(after.relid)) continue
    const before = schemas.description(after.relid)
    // The log describes tables again now and then, and a later DDL of the transaction may undo an earlier one.
    if (before === undefined || isDeepStrictEqual(before, after)) changes.delete(after.relid)
    else changes.set(after.relid, { before, after })
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
