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
    if (target === undefined) continue
    const truncated = new Set(list.truncations.map((each) => each.relid))
    const isWhole = isAllOf(target, { truncated, schemas, partitions })
    return { target, partition: isWhole ? undefined : `"${description?.name}"` }
  }
  return undefined
}

interface Truncated {
  readonly truncated: ReadonlySet<number>
  readonly schemas: SchemaHistory
  readonly partitions: Partitions
}

/** A TRUNCATE of a partitioned table is logged as one of all its leaves. */
function isAllOf(target: number, { truncated, schemas, partitions }: Truncated): boolean {
  for (const description of schemas.descriptions()) {
    const isLeaf = description.partitioned !== true && partitions.targetOf(description) === target
    if (isLeaf && !truncated.has(description.relid)) return false
  }
  return true
}
