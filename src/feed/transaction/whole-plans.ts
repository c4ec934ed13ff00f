// Reads a transaction that lies in one block ahead of its first change: which changes are the last of their rows, and how its tables are at the end.

import { isRow, recordEnd } from '../../changelog/records.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import type { ChangeReader } from './change-reader.ts'
import { DeferrableTables } from './deferrable-tables.ts'
import { FirstChanges } from './first-changes.ts'
import { LastChanges } from './last-changes.ts'
import type { OffsetList } from './offset-list.ts'
import { SchemaTrail } from './schema-trail.ts'
import { readTableChanges, TablesAtEnd, type ReadsRowsAgain, type TableChanges } from './tables-at-end.ts'
import { everyChange, type FoundRecord, type TransactionPlan } from './transaction-plan.ts'

export interface WholePlansOptions {
  readonly schemas: SchemaHistory
  readonly diff: boolean
  /** See `EmitterOptions`. */
  readonly readsRowsAgain: ReadsRowsAgain
}

const nobody: ReadonlySet<number> = new Set()

export class WholePlans {
  readonly #schemas: SchemaHistory
  readonly #readsRowsAgain: ReadsRowsAgain
  readonly #change: ChangeReader
  readonly #last = new LastChanges()
  readonly #firstChanges: FirstChanges | undefined
  #bits = new Uint8Array(1024)

  constructor(change: ChangeReader, { schemas, diff, readsRowsAgain }: WholePlansOptions) {
    this.#change = change
    this.#schemas = schemas
    this.#readsRowsAgain = readsRowsAgain
    this.#firstChanges = diff ? new FirstChanges() : undefined
  }

  /** The plan is valid until the next one. */
  plan(payload: Buffer, list: OffsetList): TransactionPlan {
    const atEnd = list.hasSchema ? this.#atEnd(payload, list) : undefined
    if (!list.hasNonInserts || list.count === 1) {
      return atEnd === undefined ? everyChange : { kept: undefined, atEnd }
    }
    const trail = list.hasSchema ? new SchemaTrail(this.#schemas) : undefined
    const deferrable = list.hasSchema ? this.#deferrable(payload, list) : nobody
    const last = deferrable.size > 0 ? new LastChanges(deferrable) : this.#last
    for (let i = 0; i < list.count; i++) {
      const offset = list.offsets[i] as number
      if (!isRow(payload[offset] as number)) {
        this.#schemas.apply(payload, offset, recordEnd(payload, offset))
        trail?.note(i)
        continue
      }
      if (this.#change.read(payload, offset)) last.note(this.#change, i)
    }
    if (trail !== undefined) this.#schemas.restore(trail.start)
    const needed = (list.count >> 2) + 1
    if (needed > this.#bits.length) this.#bits = new Uint8Array(needed * 2)
    else this.#bits.fill(0, 0, needed)
    const firstChanges = this.#firstChanges
    firstChanges?.clear()
    last.collect(this.#bits, firstChanges)
    firstChanges?.seal()
    last.clear()
    const find = (ordinal: number): FoundRecord => ({
      payload,
      offset: list.offsets[ordinal] as number,
      schemas: trail?.at(ordinal),
    })
    const kept = { bits: this.#bits, firstChanges, before: trail?.before, find }
    return { kept, atEnd }
  }

  #atEnd(payload: Buffer, list: OffsetList): TablesAtEnd | undefined {
    const changes: TableChanges = new Map()
    readTableChanges(this.#schemas, { payload, list }, changes)
    return TablesAtEnd.from(changes, this.#readsRowsAgain)
  }

  #deferrable(payload: Buffer, list: OffsetList): ReadonlySet<number> {
    const tables = new DeferrableTables(this.#schemas)
    tables.read(payload, list)
    return tables.end()
  }
}
