// Which tables a transaction changes: the descriptions in its schema records are compared with those that were known
// before it. Nothing is applied here, so that whoever stops before the transaction has the schemas of before it.

import { record, recordEnd } from '../../changelog/records.ts'
import { isDeepStrictEqual } from 'node:util'
import type { TableDescription } from '../../core/table.ts'
import { readDescription } from '../../decode/schema-history.ts'
import { OffsetList } from '../transaction/offset-list.ts'
import { listPart, transactionBlocks, type ReadAhead, type TransactionStart } from './transaction-blocks.ts'

/** What one transaction, with all of its DDL, makes of one table. */
export interface SchemaChange {
  readonly before: TableDescription
  /** With `dropped` when the transaction drops the table. */
  readonly after: TableDescription
}

/** The changes of a transaction that lies in one block. */
export function schemaChangesOf(options: Schemas, { payload, list }: ListedPart): readonly SchemaChange[] {
  const changes = new Map<number, SchemaChange>()
  readChanges(options, { payload, list }, changes)
  return [...changes.values()]
}

/** The changes of a transaction of many blocks. The payload is read only of blocks that hold schema records. */
export async function schemaChangesOfLarge(
  options: ReadAhead,
  start: TransactionStart,
): Promise<readonly SchemaChange[]> {
  const changes = new Map<number, SchemaChange>()
  const list = new OffsetList()
  for await (const block of transactionBlocks(options, start)) {
    if (!block.hasSchema) continue
    const payload = block.payload()
    listPart(payload, block.position, start, options.isTarget, list)
    readChanges(options, { payload, list }, changes)
  }
  return [...changes.values()]
}

type Schemas = Pick<ReadAhead, 'schemas' | 'isTarget'>

interface ListedPart {
  readonly payload: Buffer
  readonly list: OffsetList
}

/** Reads the listed schema records of one part into `changes`, by relation. */
function readChanges(
  { schemas, isTarget }: Schemas,
  { payload, list }: ListedPart,
  changes: Map<number, SchemaChange>,
): void {
  for (let i = 0; list.hasSchema && i < list.count; i++) {
    const offset = list.offsets[i] as number
    if (payload[offset] !== record.schema) continue
    const after = readDescription(payload, offset + 1, recordEnd(payload, offset))
    if (!isTarget(after.relid)) continue
    const before = schemas.description(after.relid)
    // The log describes tables again now and then, and a later DDL of the transaction may undo an earlier one.
    if (before === undefined || isDeepStrictEqual(before, after)) changes.delete(after.relid)
    else changes.set(after.relid, { before, after })
  }
}
