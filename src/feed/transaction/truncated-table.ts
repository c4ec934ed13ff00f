// Finds out whether a transaction truncates a target, or a table that is a partition of a target in that moment: the transaction
// may have detached it just before.

import { record, recordEnd, tagBytes } from '../../changelog/records.ts'
import { readDescription, type SchemaHistory } from '../../decode/schema-history.ts'
import type { OffsetList } from './offset-list.ts'
import type { Partitions } from './partitions.ts'

export interface TruncatedTable {
  /** The oid of the target. */
  readonly target: number
  /** The name of the partition; undefined: it is the target itself. */
  readonly partition: string | undefined
}

/** `schemas` are those from before the records of the list. */
export function truncatedTable(
  { payload, list }: { readonly payload: Buffer; readonly list: OffsetList },
  schemas: SchemaHistory,
  partitions: Partitions,
): TruncatedTable | undefined {
  for (const { relid, offset } of list.truncations) {
    if (partitions.isOwn(relid)) return { target: relid, partition: undefined }
    let description = schemas.description(relid)
    for (const at of list.schemaRecords(payload)) {
      if (at > offset || payload[at] !== record.schema) continue
      const described = readDescription(payload, at + tagBytes, recordEnd(payload, at))
      if (described.relid === relid) description = described
    }
    const target = partitions.targetOf(description)
    if (target !== undefined) return { target, partition: `"${description?.name}"` }
  }
  return undefined
}
