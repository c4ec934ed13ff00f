// Rows of tables whose primary key is DEFERRABLE. Within a transaction several rows may have the same key, so the key alone
// does not say which of them a change has removed: `UPDATE t SET id = -id` moves a row to a key that another row leaves only
// later. Such tables log whole old rows. A removed row that the transaction has not added before is the one that had the key
// before the transaction.
//
// The columns of the table and of its key may change in the same transaction. PostgreSQL refuses ALTER TABLE while the check
// of a key is pending, so each key has at most one row then: a row that was logged with other columns is found by its key
// alone. So is every row that was changed while the key was not DEFERRABLE.
//
// An object per row is acceptable here, because deferrable primary keys are rare.

import { createHash } from 'node:crypto'
import type { RelationSchema } from '../../core/relation.ts'
import { kind, type RowView } from '../../core/row-view.ts'
import { keepEvent } from './event-bits.ts'
import type { FirstChanges } from './first-changes.ts'

interface KeyState {
  /** Rows that the transaction has added with this key, and has not removed. */
  readonly added: AddedRow[]
  /** The ordinal of the change that has removed the row from before the transaction; -1: none has. */
  removedAt: number
  /** The last event that has removed a row with this key. */
  goneEvent: number
}

interface AddedRow {
  readonly content: string
  readonly event: number
  /** The relation of the row when it was logged. */
  readonly relation: RelationSchema
}

/** A change that removes a row from its key. */
export interface RowRemoval {
  readonly ordinal: number
  /** The row is deleted, or it gets another key. */
  readonly leaves: boolean
  /** True: the view holds all columns of the row. False: it holds only the key, and the key has one row. */
  readonly isWhole: boolean
}

export class DeferredKeys {
  readonly #keys = new Map<string, KeyState>()

  get size(): number {
    return this.#keys.size
  }

  /** Returns true if the removed row is the one from before the transaction. */
  remove(relation: RelationSchema, row: RowView, { ordinal, leaves, isWhole }: RowRemoval): boolean {
    const state = this.#state(relation, row)
    if (leaves) state.goneEvent = 2 * ordinal
    const at = isWhole ? placeOf(state.added, relation, digest(row, undefined)) : state.added.length - 1
    if (at >= 0) {
      state.added.splice(at, 1)
      return false
    }
    if (state.removedAt >= 0) return false
    state.removedAt = ordinal
    return true
  }

  add(relation: RelationSchema, row: RowView, ordinal: number): void {
    this.#state(relation, row).added.push({ content: digest(row, undefined), event: 2 * ordinal + 1, relation })
  }

  /** Whether the row with this key is one that the transaction has added. */
  hasAdded(relation: Pick<RelationSchema, 'keyId' | 'keyIndexes'>, row: RowView): boolean {
    const state = this.#keys.get(keyOf(relation, row))
    return state !== undefined && state.added.length > 0
  }

  /** Does what LastChanges.collect does. The key is unique at the end of a transaction, so at most one row is left with it. */
  collect(keep: Uint8Array, firstChanges: FirstChanges | undefined): void {
    for (const { added, removedAt, goneEvent } of this.#keys.values()) {
      const existed = removedAt >= 0
      const event = added.at(-1)?.event ?? (existed ? goneEvent : -1)
      if (event < 0) continue
      keepEvent(keep, event)
      if (!existed || removedAt !== Math.floor(event / 2)) firstChanges?.add(event, existed ? removedAt : 0, existed)
    }
  }

  clear(): void {
    this.#keys.clear()
  }

  #state(relation: RelationSchema, row: RowView): KeyState {
    const key = keyOf(relation, row)
    let state = this.#keys.get(key)
    if (state === undefined) {
      state = { added: [], removedAt: -1, goneEvent: -1 }
      this.#keys.set(key, state)
    }
    return state
  }
}

/** Returns the index of the row with this content, or of a row whose content cannot be compared with it; -1: there is none. */
function placeOf(added: readonly AddedRow[], relation: RelationSchema, content: string): number {
  const at = added.findLastIndex((candidate) => candidate.content === content)
  return at >= 0 ? at : added.findLastIndex((candidate) => candidate.relation !== relation)
}

function keyOf({ keyId, keyIndexes }: Pick<RelationSchema, 'keyId' | 'keyIndexes'>, row: RowView): string {
  return `${keyId} ${digest(row, keyIndexes)}`
}

/** Returns a digest of some columns, or of all. */
function digest(row: RowView, indexes: readonly number[] | undefined): string {
  const hash = createHash('sha256')
  const count = indexes?.length ?? row.count
  const head = Buffer.allocUnsafe(4)
  for (let i = 0; i < count; i++) {
    const index = indexes === undefined ? i : (indexes[i] as number)
    const isNull = row.kinds[index] === kind.null
    const start = row.starts[index] as number
    const end = row.ends[index] as number
    head.writeInt32BE(isNull ? -1 : end - start)
    hash.update(head)
    if (!isNull) hash.update(row.bytes.subarray(start, end))
  }
  return hash.digest('latin1')
}
