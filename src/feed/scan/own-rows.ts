// What rows were before the transaction of a schema change wrote them, for those that are read again because the log does not say
// their values at its end (transaction/tables-at-end.ts). A row that is read says only what it is after that transaction.

import { record } from '../../changelog/records.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { copyRow, type RowView } from '../../core/row-view.ts'
import type { SchemaSnapshot } from '../../decode/schema-history.ts'
import { BeforeDdl } from '../transaction/before-ddl.ts'
import type { ChangeReader } from '../transaction/change-reader.ts'
import { KeyTable } from '../transaction/key-table.ts'

/** About what a view takes beside the bytes of its row. */
const viewBytes = 1000

export interface OwnRow {
  /** Undefined: the transaction has inserted the row. */
  readonly before: RowView | undefined
}

export class OwnRows {
  readonly #start: SchemaSnapshot
  readonly #printer = new BeforeDdl()
  readonly #keys = new KeyTable()
  /** By the number of the key; undefined: the old values were not logged. */
  readonly #rows: (OwnRow | undefined)[] = []
  #copied = 0

  /** `start`: the schemas before the transaction. */
  constructor(start: SchemaSnapshot) {
    this.#start = start
  }

  get bytes(): number {
    return this.#keys.bytes + this.#copied
  }

  /** Called with each change of the transaction, in order. The first change of a row says what was before it. */
  note({ tag, relation, row, old, oldKind, keyChanged }: ChangeReader): void {
    if (tag !== record.insert) {
      const isWhole = oldKind === 'full'
      this.#add(relation, tag === record.delete || keyChanged ? old : row, isWhole ? old : 'not logged')
    }
    if (tag === record.insert || keyChanged) this.#add(relation, row, undefined)
  }

  /** Returns undefined if the transaction has not written the row, or what was before is not known. Valid until the next call. */
  find({ keyId, keyIndexes }: RelationSchema, row: RowView): OwnRow | undefined {
    if (!this.#keys.has(keyId, row, keyIndexes)) return undefined
    const own = this.#rows[this.#keys.add(keyId, row, keyIndexes)]
    return own?.before === undefined ? own : { before: this.#printer.print(own.before, this.#start) }
  }

  #add({ keyId, keyIndexes }: RelationSchema, row: RowView, before: RowView | 'not logged' | undefined): void {
    if (this.#keys.add(keyId, row, keyIndexes) < this.#rows.length) return
    if (before === 'not logged') this.#rows.push(undefined)
    else if (before === undefined) this.#rows.push({ before })
    else {
      const copy = copyRow(before)
      this.#copied += viewBytes + copy.bytes.length
      this.#rows.push({ before: copy })
    }
  }
}
