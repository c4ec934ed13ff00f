// The records that a feed needs of one transaction in one block, as offsets into the payload: rows of its tables, and the
// schema records between them (rows before and after a DDL of the same transaction are decoded differently).

import { grown } from '../../bytes/grow.ts'
import { isRow, lengthBytes, record, recordEnd, relationOf, truncatedRelations } from '../../changelog/records.ts'

/** A list for more records than this, which are more than a usual block has, is freed by `clear`. */
const keepOffsets = 256 * 1024

/** No relation has it as its number. */
export const severalRelations = -1

const none: readonly number[] = []

export interface Truncation {
  readonly relid: number
  readonly offset: number
}

export class OffsetList {
  offsets = new Uint32Array(4096)
  count = 0
  /** The relation of all listed rows; `severalRelations` if they have several. */
  relid = severalRelations
  hasRows = false
  hasNonInserts = false
  hasSchema = false
  /** The transaction ends in this block. */
  committed = false
  /** What the transaction truncates in this block of targets and possible partitions. */
  truncations: Truncation[] = []

  /** Adds a row record. */
  addRow(tag: number, offset: number, relid: number): void {
    if (relid !== this.relid) this.relid = this.hasRows ? severalRelations : relid
    this.add(tag, offset)
  }

  add(tag: number, offset: number): void {
    if (this.count === this.offsets.length) this.offsets = grown(this.offsets)
    this.offsets[this.count++] = offset
    if (tag === record.insert) this.hasRows = true
    else if (tag === record.update || tag === record.delete) this.hasRows = this.hasNonInserts = true
    else this.hasSchema = true
  }

  /** The listed relation and schema records. */
  schemaRecords(payload: Buffer): readonly number[] {
    if (!this.hasSchema) return none
    return Array.from(this.offsets.subarray(0, this.count)).filter((offset) => !isRow(payload[offset] as number))
  }

  clear(): void {
    this.count = 0
    if (this.offsets.length > keepOffsets) this.offsets = new Uint32Array(4096)
    this.relid = severalRelations
    this.hasRows = false
    this.hasNonInserts = false
    this.hasSchema = false
    this.committed = false
    if (this.truncations.length > 0) this.truncations = []
  }
}

/** Lists the records of the transaction from `at` on. Returns the offset after its commit record, or the end of the payload. */
export function listRecords(
  payload: Buffer,
  at: number,
  isTarget: (relid: number) => boolean,
  list: OffsetList,
): number {
  list.clear()
  let next = at
  // Rows of a table lie together.
  let relation = severalRelations
  let isListed = false
  while (next < payload.length) {
    const start = next + lengthBytes
    next = recordEnd(payload, start)
    const tag = payload[start] as number
    if (isRow(tag)) {
      const relid = relationOf(payload, start)
      if (relid !== relation) {
        relation = relid
        isListed = isTarget(relid)
      }
      if (isListed) list.addRow(tag, start, relid)
    } else if (tag === record.relation || tag === record.schema) list.add(tag, start)
    else if (tag === record.truncate) {
      for (const relid of truncatedRelations(payload, start, next)) {
        if (isTarget(relid)) list.truncations.push({ relid, offset: start })
      }
    } else if (tag === record.commit) {
      list.committed = true
      return next
    }
  }
  return next
}
