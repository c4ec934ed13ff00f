// Finds, in one transaction, the last change of each row: one message per row per transaction. Changes are numbered in
// log order (ordinals); each has up to two events, because an update of the primary key removes one row and adds another.
//
//   event = 2 * ordinal      the row with the old key is gone
//   event = 2 * ordinal + 1  the row is there with these values
//
// If the transaction gives a table another primary key, its rows have one identity before and another one after. If it makes
// the key DEFERRABLE, or no longer DEFERRABLE, the rows stay the same, so all changes of the table are handled in one way.
//
// A row that the transaction inserts and deletes again was never there for anybody else, and gets no event.

import { grown } from '../../bytes/grow.ts'
import { record } from '../../changelog/records.ts'
import type { ChangeReader } from './change-reader.ts'
import { DeferredKeys } from './deferred-keys.ts'
import { keepEvent } from './event-bits.ts'
import type { FirstChanges } from './first-changes.ts'
import { KeyTable } from './key-table.ts'

/** The approximate memory for a row of a table with a deferrable key. */
const deferredBytes = 500

const nobody: ReadonlySet<number> = new Set()

export class LastChanges {
  readonly #keys = new KeyTable()
  readonly #deferred = new DeferredKeys()
  #last = new Float64Array(1024)
  #first = new Float64Array(1024)
  #existed = new Uint8Array(1024)
  readonly #deferrable: ReadonlySet<number>

  /** `deferrable`: tables whose key is DEFERRABLE at some point of the transaction, where that changes within it. */
  constructor(deferrable: ReadonlySet<number> = nobody) {
    this.#deferrable = deferrable
  }

  /** The memory that the keys take. */
  get bytes(): number {
    return this.#keys.bytes + deferredBytes * this.#deferred.size
  }

  /** Notes the change that the reader holds. `wanted` says by the hash of a key whether it belongs to this pass. */
  note(change: ChangeReader, ordinal: number, wanted?: (hash: number) => boolean): void {
    const { tag, row, old } = change
    const { relid, description } = change.relation
    if (description.deferrableKey === true || this.#deferrable.has(relid)) this.#noteDeferred(change, ordinal, wanted)
    else if (tag === record.insert) this.#touch(change, row, 2 * ordinal + 1, false, wanted)
    else if (tag === record.delete) this.#touch(change, old, 2 * ordinal, true, wanted)
    else if (change.keyChanged) {
      this.#touch(change, old, 2 * ordinal, true, wanted)
      this.#touch(change, row, 2 * ordinal + 1, false, wanted)
    } else this.#touch(change, row, 2 * ordinal + 1, true, wanted)
  }

  /** Sets the bit of every event that is to be emitted. `firstChanges` gets the first change of the row if that is another one. */
  collect(keep: Uint8Array, firstChanges: FirstChanges | undefined): void {
    this.#deferred.collect(keep, firstChanges)
    for (let entry = 0; entry < this.#keys.size; entry++) {
      const event = this.#last[entry] as number
      const existed = this.#existed[entry] === 1
      const isGone = event % 2 === 0
      if (isGone && !existed) continue
      keepEvent(keep, event)
      const ordinal = this.#first[entry] as number
      if (firstChanges !== undefined && ordinal !== Math.floor(event / 2)) firstChanges.add(event, ordinal, existed)
    }
  }

  clear(): void {
    this.#keys.clear()
    this.#deferred.clear()
    if (this.#last.length > 65_536) {
      this.#last = new Float64Array(1024)
      this.#first = new Float64Array(1024)
      this.#existed = new Uint8Array(1024)
    }
  }

  #noteDeferred(change: ChangeReader, ordinal: number, wanted: ((hash: number) => boolean) | undefined): void {
    const { tag, row, old, relation } = change
    const mine = (view: ChangeReader['row']): boolean =>
      wanted === undefined || wanted(this.#keys.hashOf(relation.keyId, view, relation.keyIndexes))
    if (tag !== record.insert) {
      const isWhole = relation.description.deferrableKey === true
      if (isWhole) change.needOld()
      const view = change.oldKind === 'none' ? row : old
      const leaves = tag === record.delete || change.keyChanged
      if (mine(view)) this.#deferred.remove(relation, view, { ordinal, leaves, isWhole })
    }
    if (tag !== record.delete && mine(row)) this.#deferred.add(relation, row, ordinal)
  }

  #touch(
    change: ChangeReader,
    row: ChangeReader['row'],
    event: number,
    existed: boolean,
    wanted: ((hash: number) => boolean) | undefined,
  ): void {
    const { keyId, keyIndexes } = change.relation
    if (wanted !== undefined && !wanted(this.#keys.hashOf(keyId, row, keyIndexes))) return
    const before = this.#keys.size
    const entry = this.#keys.add(keyId, row, keyIndexes)
    if (entry === before) {
      if (entry === this.#last.length) this.#grow()
      this.#first[entry] = Math.floor(event / 2)
      this.#existed[entry] = existed ? 1 : 0
    }
    this.#last[entry] = event
  }

  #grow(): void {
    this.#last = grown(this.#last)
    this.#first = grown(this.#first)
    this.#existed = grown(this.#existed)
  }
}
