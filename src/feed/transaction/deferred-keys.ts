// Rows of tables whose primary key is DEFERRABLE. Within a transaction several rows may have one key, so the key alone
// does not say which of them a change took away: `UPDATE t SET id = -id` moves a row to a key that another leaves only
// afterwards. Such tables log whole old rows, and a row taken away that nobody brought before is the one from the start.
//
// The key, and other columns, may change in the same transaction. PostgreSQL refuses ALTER TABLE while it has yet to
// check a key, so at that point each key has one row at most: a row that was logged with other columns is found by its
// key alone. So is every row that was changed while the key was not DEFERRABLE.
//
// Objects per row are fine here: hardly anybody's key is deferrable.

import { createHash } from 'node:crypto'
import type { RelationSchema } from '../../core/relation.ts'
import { kind, type RowView } from '../../core/row-view.ts'
import { keepEvent } from './event-bits.ts'
import type { FirstChanges } from './first-changes.ts'

interface KeyState {
  /** Rows that came to the key and are still there. */
  readonly added: AddedRow[]
  /** Ordinal of the change that took away the row from the start; -1: none has. */
  removedAt: number
  /** The last event by which a row left the key. */
  goneEvent: number
}

interface AddedRow {
  readonly content: string
  readonly event: number
  /** What its table looked like. */
  readonly relation: RelationSchema
}

/** A change that takes a row away from its key. */
export interface RowRemoval {
  readonly ordinal: number
  /** The row is deleted or gets another key. */
  readonly leaves: boolean
  /** The view holds all columns of the row; otherwise it holds the key, and the key has one row. */
  readonly isWhole: boolean
}

export class DeferredKeys {
  readonly #keys = new Map<string, KeyState>()

  get size(): number {
    return this.#keys.size
  }

  /** True: it is the row that was there from the start. */
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

  /** Whether the key's row is one that came. */
  hasAdded(relation: RelationSchema, row: RowView): boolean {
    const state = this.#keys.get(keyOf(relation, row))
    return state !== undefined && state.added.length > 0
  }

  /** As LastChanges.collect: the key is unique again, so at most one row is left at it. */
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

/** Of the row with this content, or of one whose content cannot be compared with it; -1: none. */
function placeOf(added: readonly AddedRow[], relation: RelationSchema, content: string): number {
  const at = added.findLastIndex((candidate) => candidate.content === content)
  return at >= 0 ? at : added.findLastIndex((candidate) => candidate.relation !== relation)
}

function keyOf({ keyId, keyIndexes }: RelationSchema, row: RowView): string {
  return `${keyId} ${digest(row, keyIndexes)}`
}

/** Of some columns, or of all. */
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
