// For `diff`: finds the row as it was before the transaction that changes it.

import { record } from '../../changelog/records.ts'
import type { RowView } from '../../core/row-view.ts'
import { SchemaHistory } from '../../decode/schema-history.ts'
import { BeforeDdl } from './before-ddl.ts'
import { ChangeReader } from './change-reader.ts'
import type { FirstChanges } from './first-changes.ts'
import type { Partitions } from './partitions.ts'
import type { KeptEvents } from './transaction-plan.ts'

export class EarlierRows {
  readonly #first: ChangeReader
  /** Reads rows with the columns that their tables had earlier in the transaction. */
  readonly #earlierSchemas = new SchemaHistory()
  readonly #earlier: ChangeReader
  readonly #beforeDdl = new BeforeDdl()

  constructor(schemas: SchemaHistory, partitions: Partitions) {
    this.#first = new ChangeReader(schemas, partitions)
    this.#earlier = new ChangeReader(this.#earlierSchemas, partitions)
  }

  /** Returns the row of an event of this change before the transaction; undefined if there was none. */
  of(change: ChangeReader, kept: KeptEvents | undefined, event: number): RowView | undefined {
    const row = this.#beforeChange(change, kept, event)
    return row === undefined || kept?.before === undefined ? row : this.#beforeDdl.print(row, kept.before)
  }

  /** Drops the references to the records that were read last. */
  release(): void {
    this.#first.release()
    this.#earlier.release()
  }

  #beforeChange(change: ChangeReader, kept: KeptEvents | undefined, event: number): RowView | undefined {
    if (kept?.firstChanges?.find(event) === true) return this.#beforeFirst(kept, kept.firstChanges)
    if (change.tag === record.insert || (change.keyChanged && event % 2 === 1)) return undefined
    return change.needOld()
  }

  #beforeFirst(kept: KeptEvents, { ordinal, existed }: FirstChanges): RowView | undefined {
    if (!existed) return undefined
    const { payload, offset, schemas } = kept.find(ordinal)
    if (schemas !== undefined) this.#earlierSchemas.restore(schemas)
    const first = schemas === undefined ? this.#first : this.#earlier
    first.read(payload, offset)
    return first.needOld()
  }
}
