// Walks through the records of the changelog, block after block. Schema records between transactions are applied, gaps
// are reported, and the records that one transaction has in one block are listed as one part:
//
//   between ──begin──► inside ──commit──► between          a block may start, and end, in either
//
// Both readers of the log for a feed walk this way: the follower, and the search for rows as of a cursor.

import type { LogBlock } from '../../changelog/changelog.ts'
import { concerns, lengthBytes, readGap, record, recordEnd, timestampOf } from '../../changelog/records.ts'
import { zeroHlc, type Hlc } from '../../core/hlc.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import { listRecords, OffsetList } from '../transaction/offset-list.ts'
import type { Partitions } from '../transaction/partitions.ts'

export interface TransactionPartsOptions {
  readonly schemas: SchemaHistory
  readonly partitions: Partitions
  /** Called if changes of a target are missing: as far as is known, they are at or below `through`. */
  readonly gap: (through: Hlc, reason: string) => void
}

const noBytes: Buffer = Buffer.alloc(0)

export class TransactionParts {
  /** The payload of the block, and in it the listed records of the present part. */
  payload = noBytes
  readonly list = new OffsetList()
  /** The timestamp of the present part's transaction. */
  ts: Hlc = zeroHlc
  /** Where the records of the present part begin in the payload. */
  start = 0
  readonly #options: TransactionPartsOptions
  /** The offset of the next record in the payload. */
  #at = 0
  /** The transaction that is open at this offset; undefined: the offset is between transactions. */
  #open: Hlc | undefined
  /** Why changes are missing before the next transaction; undefined: none are. */
  #gap: string | undefined
  #resolved: Hlc = zeroHlc

  constructor(options: TransactionPartsOptions) {
    this.#options = options
  }

  open(block: LogBlock): void {
    this.payload = block.payload()
    if (block.hasSchema) this.#options.partitions.learn(this.payload)
    this.#at = 0
    this.#open = block.open?.ts
    this.#resolved = block.resolved
  }

  /** Called instead of `open` for a block that has nothing for the feed, and so has no parts. */
  skip(): void {
    this.payload = noBytes
    this.#at = 0
  }

  /** Moves to the next part of the block. Returns false if the block has no more parts. */
  next(): boolean {
    while (this.#at < this.payload.length) {
      if (this.#open === undefined) {
        this.#between()
        continue
      }
      this.ts = this.#open
      this.start = this.#at
      this.#at = listRecords(this.payload, this.#at, this.#options.partitions.isTarget, this.list)
      if (this.list.committed) this.#open = undefined
      return true
    }
    this.#reportGap(this.#resolved)
    return false
  }

  /** The next call of `next` returns to the present part. */
  putBack(): void {
    this.#at = this.start
    this.#open = this.ts
  }

  /** Lists the records of the present part again, after possible partitions have become known. */
  listAgain(): void {
    listRecords(this.payload, this.start, this.#options.partitions.isTarget, this.list)
  }

  /** Applies the listed schema records of a part whose rows are not needed. */
  applySchemas(): void {
    const { payload, list } = this
    for (const offset of list.schemaRecords(payload)) {
      this.#options.schemas.apply(payload, offset, recordEnd(payload, offset))
    }
  }

  /** Reads one record between two transactions. */
  #between(): void {
    const { payload } = this
    const { schemas } = this.#options
    const start = this.#at + lengthBytes
    const end = recordEnd(payload, start)
    this.#at = end
    const tag = payload[start]
    if (tag === record.begin) {
      this.#open = timestampOf(payload, start)
      this.#reportGap(this.#open)
    } else if (tag === record.gap || tag === record.gapOf) {
      const found = readGap(payload, start, end)
      if (found !== undefined && concerns(found, this.#isTargetNow)) this.#gap ??= found.reason
    } else if (tag === record.schema || tag === record.relation) schemas.apply(payload, start, end)
  }

  /** A table that was a partition once, and is none any more, is of no concern to those who follow the partitioned table. */
  readonly #isTargetNow = (relid: number): boolean => {
    const { schemas, partitions } = this.#options
    return partitions.isOwn(relid) || partitions.targetOf(schemas.description(relid)) !== undefined
  }

  #reportGap(through: Hlc): void {
    const reason = this.#gap
    this.#gap = undefined
    if (reason !== undefined) this.#options.gap(through, reason)
  }
}
