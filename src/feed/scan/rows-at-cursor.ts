// Finds the rows as of a cursor that lies before the cut of their scan, by undoing the changes in between. A row whose first
// change in the log is an insert was not there at the cursor; any other row had the values that its first update or delete
// replaced. A DDL in between that makes this untrue is an error (tables-at-cursor.ts).

import type { Changelog } from '../../changelog/changelog.ts'
import { isRow, record, recordEnd } from '../../changelog/records.ts'
import type { FeedTarget } from '../../core/feed-spec.ts'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import { SchemaHistory } from '../../decode/schema-history.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { ChangeReader } from '../transaction/change-reader.ts'
import { DeferredKeys, type RowRemoval } from '../transaction/deferred-keys.ts'
import { KeyTable } from '../transaction/key-table.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { Output } from '../output/open-output.ts'
import { TransactionParts } from '../follow/transaction-parts.ts'
import { TablesAtCursor } from './tables-at-cursor.ts'

const maxStashBytes = 256 * 1024 * 1024

const takenBack: RowRemoval = { ordinal: 0, leaves: false, isWhole: true }

export interface RowsAtCursorOptions {
  readonly log: Changelog
  readonly targets: readonly FeedTarget[]
  readonly cursor: Hlc
  readonly cut: Hlc
  /** Keeps the old rows as messages. The caller emits them with those of the scan. */
  readonly stash: Output
  /** Called after each block, so that other feeds get the thread. */
  readonly yieldThread: () => Promise<void>
  readonly signal: AbortSignal
}

interface Reading {
  readonly options: RowsAtCursorOptions
  readonly topics: ReadonlyMap<number, number>
  readonly schemas: SchemaHistory
  readonly change: ChangeReader
}

export class RowsAtCursor {
  readonly #changedKeys = new KeyTable()
  readonly #deferred = new DeferredKeys()
  readonly #tables = new TablesAtCursor()

  /** Writes a row as of the cursor, with the columns that its table had then. */
  write(changes: ChangeWriter, relation: RelationSchema, topic: number, row: RowView): void {
    const asOfCursor = this.#tables.check(relation)
    row.relation = asOfCursor
    changes.write(asOfCursor, topic, row, row, undefined)
  }

  /** Returns false if the row has changed since the cursor. If it was there at the cursor, its old version is in the stash. */
  isOfCursor(relation: RelationSchema, row: RowView): boolean {
    if (relation.description.deferrableKey === true) return !this.#deferred.hasAdded(relation, row)
    return !this.#changedKeys.has(relation.keyId, row, relation.keyIndexes)
  }

  /** Reads the log in `(cursor, cut]`. The log is complete up to the cut. When it settles, all old rows are messages of `stash`. */
  async read(options: RowsAtCursorOptions): Promise<void> {
    await this.#readLog(options)
    await options.stash.changes.drain()
  }

  async #readLog(options: RowsAtCursorOptions): Promise<void> {
    const { log, targets, cursor, cut, stash, yieldThread, signal } = options
    const topics: ReadonlyMap<number, number> = new Map(targets.map(({ relid }, index) => [relid, index]))
    const schemas = new SchemaHistory()
    const change = new ChangeReader(schemas)
    const gap = (through: Hlc): void => {
      if (compareHlc(through, cursor) > 0) throw gapSince()
    }
    const parts = new TransactionParts({ schemas, isTarget: (relid) => topics.has(relid), gap })
    let isPastCursor = false
    using reader = log.readAfter(cursor)
    for (let block = reader.next(); block !== undefined; block = reader.next()) {
      parts.open(block)
      while (parts.next()) {
        if (compareHlc(parts.ts, cut) > 0) return
        if (compareHlc(parts.ts, cursor) <= 0) {
          parts.applySchemas()
          continue
        }
        if (!isPastCursor) this.#noteTables(targets, schemas)
        isPastCursor = true
        this.#takeBackPart(parts, { options, topics, schemas, change })
      }
      if (compareHlc(block.resolved, cut) >= 0) return
      if (stash.changes.isFull) await stash.changes.drain()
      await yieldThread()
      signal.throwIfAborted()
    }
  }

  #noteTables(targets: readonly FeedTarget[], schemas: SchemaHistory): void {
    for (const { relid } of targets) {
      const relation = schemas.relation(relid)
      if (relation !== undefined) this.#tables.note(relation)
    }
  }

  #takeBackPart({ payload, list }: TransactionParts, { options, topics, schemas, change }: Reading): void {
    if (list.truncated !== 0) throw truncatedSince(list.truncated, options.targets)
    for (let i = 0; i < list.count; i++) {
      const offset = list.offsets[i] as number
      if (isRow(payload[offset] as number)) {
        change.read(payload, offset)
        this.#takeBack(change, topics.get(change.relation.relid) as number, options.stash)
        continue
      }
      const relid = schemas.apply(payload, offset, recordEnd(payload, offset))
      // Checked even if no row follows: the next DDL may hide what this one does to every row.
      const changed = relid === undefined || !topics.has(relid) ? undefined : schemas.relation(relid)
      if (changed !== undefined) this.#tables.check(changed)
    }
  }

  #takeBack(change: ChangeReader, topic: number, stash: Output): void {
    const { tag, relation, row, old, keyChanged } = change
    this.#tables.check(relation)
    if (relation.description.deferrableKey === true) {
      if (tag !== record.insert && this.#deferred.remove(relation, change.needOld(), takenBack)) {
        this.#keep(relation, topic, old, stash)
      }
      if (tag !== record.delete) this.#deferred.add(relation, row, 0)
    } else if (tag === record.insert) this.#noteChanged(relation, row)
    else {
      const key = tag === record.delete || keyChanged ? old : row
      if (this.#noteChanged(relation, key)) this.#keep(relation, topic, change.needOld(), stash)
      if (keyChanged) this.#noteChanged(relation, row)
    }
  }

  #keep(relation: RelationSchema, topic: number, old: RowView, stash: Output): void {
    this.write(stash.changes, relation, topic, old)
    if (stash.messages.batch.bytes.length > maxStashBytes) throw tooMuch()
  }

  /** Returns true for the first change of a row. */
  #noteChanged(relation: RelationSchema, row: RowView): boolean {
    const before = this.#changedKeys.size
    if (this.#changedKeys.bytes > maxStashBytes) throw tooMuch()
    return this.#changedKeys.add(relation.keyId, row, relation.keyIndexes) === before
  }
}

function truncatedSince(relid: number, targets: readonly FeedTarget[]): FeedError {
  const name = targets.find((target) => target.relid === relid)?.tableName ?? relid
  return new FeedError('FEED_TRUNCATED', `"${name}" was truncated`, {
    hint: 'its rows as of the cursor are gone; start the changefeed with a later cursor, or without',
  })
}

function gapSince(): FeedError {
  return new FeedError('FEED_GAP', 'changes since the cursor are missing from the changelog', {
    hint: 'start the changefeed without cursor',
  })
}

function tooMuch(): FeedError {
  return new FeedError('FEED_STATE', 'too many rows have changed since the cursor for an initial scan as of it', {
    hint: "use a more recent cursor, or initial_scan='no'",
  })
}
