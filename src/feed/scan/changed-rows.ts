// Which rows have changed since some time, as the log says it. Rows are told apart by their key; where the key is DEFERRABLE, by all
// their values, because several rows may have one key within a transaction (transaction/deferred-keys.ts).

import { record } from '../../changelog/records.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import type { ChangeReader } from '../transaction/change-reader.ts'
import { DeferredKeys, type RowRemoval } from '../transaction/deferred-keys.ts'
import { KeyTable } from '../transaction/key-table.ts'

/** About what a row takes in DeferredKeys. */
const deferredBytes = 400

const takenBack: RowRemoval = { ordinal: 0, leaves: false, isWhole: true }

export class ChangedRows {
  readonly #keys = new KeyTable()
  readonly #deferred = new DeferredKeys()

  get bytes(): number {
    return this.#keys.bytes + deferredBytes * this.#deferred.size
  }

  /** Returns true if the change is the first of a row that was there: the row before it is `change.old`, as far as it was logged. */
  note(change: ChangeReader): boolean {
    const { tag, relation, row, old, keyChanged } = change
    if (isDeferrable(relation)) {
      const isFirst = tag !== record.insert && this.#deferred.remove(relation, change.needOld(), takenBack)
      if (tag !== record.delete) this.#deferred.add(relation, row, 0)
      return isFirst
    }
    if (tag === record.insert) {
      this.#add(relation, row)
      return false
    }
    const isFirst = this.#add(relation, tag === record.delete || keyChanged ? old : row)
    if (keyChanged) this.#add(relation, row)
    return isFirst
  }

  /** Whether this row, which is there now, has changed while the table had this key. */
  has({ keyId, keyIndexes, deferrable }: RowKey, row: RowView): boolean {
    return deferrable ? this.#deferred.hasAdded({ keyId, keyIndexes }, row) : this.#keys.has(keyId, row, keyIndexes)
  }

  /** Returns true if the key is new. */
  #add({ keyId, keyIndexes }: RelationSchema, row: RowView): boolean {
    const before = this.#keys.size
    return this.#keys.add(keyId, row, keyIndexes) === before
  }
}

/** A key of a table, and where it is in the rows that are asked about. */
export interface RowKey extends Pick<RelationSchema, 'keyId' | 'keyIndexes'> {
  readonly deferrable: boolean
}

export function isDeferrable({ description }: RelationSchema): boolean {
  return description.deferrableKey === true
}
