// The rows as of a cursor that lies before the cut of their scan: what changed in between is taken back. Rows that the
// log touched first with an insert were not there; the others had the values that the first update or delete replaced.
// Where a DDL in between makes that untrue, it is refused (tables-at-cursor.ts).

import type { Changelog } from '../../changelog/changelog.ts'
import { record } from '../../changelog/changelog.ts'
import { timestampOf } from '../../changelog/records.ts'
import type { FeedTarget } from '../../core/feed-spec.ts'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import { SchemaHistory } from '../../decode/schema-history.ts'
import { concerns, readGap } from '../../changelog/files/gap-record.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { ChangeReader } from '../transaction/change-reader.ts'
import { DeferredKeys, type RowRemoval } from '../transaction/deferred-keys.ts'
import { KeyTable } from '../transaction/key-table.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { Output } from '../output/open-output.ts'
import { isRow, listRecords, OffsetList, recordEnd } from '../transaction/offset-list.ts'
import { TablesAtCursor } from './tables-at-cursor.ts'

const maxStashBytes = 256 * 1024 * 1024

const takenBack: RowRemoval = { ordinal: 0, leaves: false, isWhole: true }

export interface RowsAtCursorOptions {
  readonly log: Changelog
  readonly targets: readonly FeedTarget[]
  readonly cursor: Hlc
  readonly cut: Hlc
  /** Gets the old rows as messages and keeps them; the caller gives them to the sink with the scan's. */
  readonly stash: Output
  /** Called now and then, so that the thread stays awake for others. */
  readonly yieldThread: () => Promise<void>
  readonly signal: AbortSignal
}

export class RowsAtCursor {
  readonly #changedKeys = new KeyTable()
  readonly #deferred = new DeferredKeys()
  readonly #tables = new TablesAtCursor()

  /** Writes a row that is one of the cursor, with the columns that its table had then. */
  write(changes: ChangeWriter, relation: RelationSchema, topic: number, row: RowView): void {
    const asOfCursor = this.#tables.check(relation)
    row.relation = asOfCursor
    changes.write(asOfCursor, topic, row, row, undefined)
  }

  /** False: the row has changed since the cursor; its older self is in the stash, or it was not there. */
  isOfCursor(relation: RelationSchema, row: RowView): boolean {
    if (relation.description.deferrableKey === true) return !this.#deferred.hasAdded(relation, row)
    return !this.#changedKeys.has(relation.keyId, row, relation.keyIndexes)
  }

  /** Reads the log in `(cursor, cut]`, all of which it holds. */
  async read({ log, targets, cursor, cut, stash, yieldThread, signal }: RowsAtCursorOptions): Promise<void> {
    const topics = new Map(targets.map(({ relid }, index) => [relid, index]))
    const schemas = new SchemaHistory()
    const change = new ChangeReader(schemas)
    const list = new OffsetList()
    let isPastCursor = false
    using reader = log.readAfter(cursor)
    for (let block = reader.next(); block !== undefined; block = reader.next()) {
      const payload = block.payload()
      let ts = block.open?.ts
      for (let at = 0; at < payload.length;) {
        if (ts === undefined) {
          const start = at + 4
          at = start + payload.readUInt32BE(at)
          const tag = payload[start]
          if (tag === record.begin) ts = timestampOf(payload, start)
          else if (tag === record.schema || tag === record.relation) schemas.apply(payload, start, at)
          else if ((tag === record.gap || tag === record.gapOf) && compareHlc(block.resolved, cursor) > 0) {
            const gap = readGap(payload, start, at)
            if (gap !== undefined && concerns(gap, (relid) => topics.has(relid))) throw gapSince()
          }
          continue
        }
        if (compareHlc(ts, cut) > 0) return
        if (!isPastCursor && compareHlc(ts, cursor) > 0) {
          isPastCursor = true
          for (const { relid } of targets) {
            const relation = schemas.relation(relid)
            if (relation !== undefined) this.#tables.note(relation)
          }
        }
        at = listRecords(payload, at, (relid) => topics.has(relid), list)
        if (list.truncated !== 0 && compareHlc(ts, cursor) > 0) {
          const name = targets.find(({ relid }) => relid === list.truncated)?.tableName ?? list.truncated
          throw new FeedError('FEED_TRUNCATED', `"${name}" was truncated`, {
            hint: 'its rows as of the cursor are gone; start the changefeed with a later cursor, or without',
          })
        }
        for (let i = 0; i < list.count; i++) {
          const offset = list.offsets[i] as number
          if (!isRow(payload[offset] as number)) {
            const relid = schemas.apply(payload, offset, recordEnd(payload, offset))
            // Also when no row follows: what one DDL does to every row may be hidden by the next.
            const changed = relid === undefined || !topics.has(relid) ? undefined : schemas.relation(relid)
            if (changed !== undefined && isPastCursor) this.#tables.check(changed)
          } else if (compareHlc(ts, cursor) > 0) {
            change.read(payload, offset)
            this.#takeBack(change, topics.get(change.relation.relid) as number, stash)
          }
        }
        if (list.committed) ts = undefined
      }
      if (compareHlc(block.resolved, cut) >= 0) return
      if (stash.changes.isFull) await stash.changes.drain()
      await yieldThread()
      signal.throwIfAborted()
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
    } else if (tag === record.insert) this.#touch(relation, row)
    else {
      const key = tag === record.delete || keyChanged ? old : row
      if (this.#touch(relation, key)) this.#keep(relation, topic, change.needOld(), stash)
      if (keyChanged) this.#touch(relation, row)
    }
  }

  #keep(relation: RelationSchema, topic: number, old: RowView, stash: Output): void {
    this.write(stash.changes, relation, topic, old)
    if (stash.messages.batch.bytes.length > maxStashBytes) throw tooMuch()
  }

  /** True: it is the first change of the row. */
  #touch(relation: RelationSchema, row: RowView): boolean {
    const before = this.#changedKeys.size
    if (this.#changedKeys.bytes > maxStashBytes) throw tooMuch()
    return this.#changedKeys.add(relation.keyId, row, relation.keyIndexes) === before
  }
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
