// The records of one transaction within one block that a feed must look at, as offsets into the payload: rows of its
// tables, and the schema records between them (rows before and after a DDL of the same transaction decode differently).

import { grown } from '../../bytes/grow.ts'
import { isRow, lengthBytes, record, recordEnd, relationOf, truncatedRelations } from '../../changelog/records.ts'

/** More than a block of the usual size has; a larger list is given back. */
const keepOffsets = 256 * 1024

export class OffsetList {
  offsets = new Uint32Array(4096)
  count = 0
  hasNonInserts = false
  hasSchema = false
  /** The transaction ends in this block. */
  committed = false
  /** Relation of a target that a TRUNCATE emptied; 0: none. */
  truncated = 0

  add(tag: number, offset: number): void {
    if (this.count === this.offsets.length) this.offsets = grown(this.offsets)
    this.offsets[this.count++] = offset
    if (tag === record.update || tag === record.delete) this.hasNonInserts = true
    else if (tag !== record.insert) this.hasSchema = true
  }

  clear(): void {
    this.count = 0
    if (this.offsets.length > keepOffsets) this.offsets = new Uint32Array(4096)
    this.hasNonInserts = false
    this.hasSchema = false
    this.committed = false
    this.truncated = 0
  }
}

/** Lists the transaction's records from `at` on. Gives the place behind its commit, or the payload's end. */
export function listRecords(
  payload: Buffer,
  at: number,
  isTarget: (relid: number) => boolean,
  list: OffsetList,
): number {
  list.clear()
  let next = at
  while (next < payload.length) {
    const start = next + lengthBytes
    next = recordEnd(payload, start)
    const tag = payload[start] as number
    if (isRow(tag)) {
      if (isTarget(relationOf(payload, start))) list.add(tag, start)
    } else if (tag === record.relation || tag === record.schema) list.add(tag, start)
    else if (tag === record.truncate) list.truncated ||= truncatedRelations(payload, start, next).find(isTarget) ?? 0
    else if (tag === record.commit) {
      list.committed = true
      return next
    }
  }
  return next
}
