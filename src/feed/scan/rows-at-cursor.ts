// Finds the rows as of a cursor that lies before the cut of their scan, by undoing the changes in between. A row whose first
// change in the log is an insert was not there at the cursor; any other row had the values that its first update or delete
// replaced. A DDL in between that makes this untrue is an error (tables-at-cursor.ts).

import type { Changelog } from '../../changelog/changelog.ts'
import { isRow, record, recordEnd, tagBytes } from '../../changelog/records.ts'
import type { FeedTarget } from '../../core/feed-spec.ts'
import type { Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import type { TableDescription } from '../../core/table.ts'
import { readDescription, type SchemaHistory } from '../../decode/schema-history.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { wholeTable, type Selection } from '../../scan/selection.ts'
import type { ScanTable } from '../../scan/table-facts.ts'
import { ChangeReader } from '../transaction/change-reader.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { Output } from '../output/open-output.ts'
import { isAttached } from '../follow/schema-changes.ts'
import type { TransactionParts } from '../follow/transaction-parts.ts'
import { Partitions } from '../transaction/partitions.ts'
import { truncatedTable, type TruncatedTable } from '../transaction/truncated-table.ts'
import { ChangedRows, isDeferrable } from './changed-rows.ts'
import { LogSpan } from './log-span.ts'
import type { CutTables, RowsAsOf } from './rows-as-of.ts'
import { TablesAtCursor } from './tables-at-cursor.ts'

const maxStashBytes = 256 * 1024 * 1024

export interface RowsAtCursorOptions {
  readonly log: Changelog
  readonly targets: readonly FeedTarget[]
  readonly cursor: Hlc
  /** Keeps the old rows as messages. The caller emits them with those of the scan. */
  readonly stash: Output
  /** Called after each block, so that other feeds get the thread. */
  readonly yieldThread: () => Promise<void>
  readonly signal: AbortSignal
}

export class RowsAtCursor implements RowsAsOf {
  readonly #options: RowsAtCursorOptions
  readonly #topics: ReadonlyMap<number, number>
  readonly #partitions: Partitions
  readonly #span: LogSpan
  readonly #change: ChangeReader
  readonly #changed = new ChangedRows()
  readonly #tables = new TablesAtCursor()
  #isPastCursor = false

  constructor(options: RowsAtCursorOptions) {
    const { log, targets, cursor, stash, yieldThread, signal } = options
    this.#options = options
    this.#topics = new Map(targets.map(({ relid }, index) => [relid, index]))
    const blockDone = async (): Promise<void> => {
      if (stash.changes.isFull) await stash.changes.drain()
      await yieldThread()
    }
    this.#partitions = new Partitions(this.#topics.keys())
    this.#span = new LogSpan({ log, partitions: this.#partitions, after: cursor, blockDone, signal })
    this.#change = new ChangeReader(this.#span.schemas, this.#partitions)
  }

  readTo({ time }: Pick<CutTables, 'time'>): Promise<void> {
    return this.readLog(time)
  }

  async readLog(through: Hlc): Promise<void> {
    await this.#span.readThrough(through, (parts) => this.#takeBackPart(parts))
    await this.#options.stash.changes.drain()
  }

  selection(table: ScanTable): Selection {
    return wholeTable(table)
  }

  write(changes: ChangeWriter, relation: RelationSchema, topic: number, row: RowView): void {
    const asOfCursor = this.#tables.check(relation)
    row.relation = asOfCursor
    changes.write(asOfCursor, topic, row, row, undefined)
  }

  /** Returns false if the row has changed since the cursor. If it was there at the cursor, its old version is in the stash. */
  isAsOf(relation: RelationSchema, row: RowView): boolean {
    const { keyId, keyIndexes } = relation
    return !this.#changed.has({ keyId, keyIndexes, deferrable: isDeferrable(relation) }, row)
  }

  [Symbol.dispose](): void {
    this.#span[Symbol.dispose]()
  }

  #noteTables(): void {
    for (const relid of this.#topics.keys()) {
      const relation = this.#span.schemas.relation(relid)
      if (relation !== undefined) this.#tables.note(relation)
    }
  }

  #takeBackPart(parts: TransactionParts): void {
    const { payload, list } = parts
    const { targets, stash } = this.#options
    const { schemas } = this.#span
    if (!this.#isPastCursor) this.#noteTables()
    this.#isPastCursor = true
    const truncated = list.truncations.length === 0 ? undefined : truncatedTable(parts, schemas, this.#partitions)
    if (truncated !== undefined) throw truncatedSince(truncated, targets)
    for (let i = 0; i < list.count; i++) {
      const offset = list.offsets[i] as number
      if (isRow(payload[offset] as number)) {
        if (!this.#change.read(payload, offset)) continue
        this.#takeBack(this.#change, this.#topics.get(this.#change.relation.relid) as number, stash)
        continue
      }
      const before = describedBefore(schemas, payload, offset)
      const relid = schemas.apply(payload, offset, recordEnd(payload, offset))
      if (relid !== undefined) this.#checkPartition(before, schemas.description(relid))
      // Checked even if no row follows: the next DDL may hide what this one does to every row.
      const changed = relid === undefined || !this.#topics.has(relid) ? undefined : schemas.relation(relid)
      if (changed !== undefined) this.#tables.check(changed)
    }
  }

  /** Rows that came or went with a partition were not logged. */
  #checkPartition(before: TableDescription | undefined, after: TableDescription | undefined): void {
    if (after === undefined) return
    const was = this.#partitions.targetOf(before)
    const is = this.#partitions.targetOf(after)
    if (was !== after.relid && was !== undefined && is !== was) {
      throw partitionSince(after, after.dropped === true ? 'dropped' : 'detached')
    }
    if (is !== after.relid && is !== undefined && isAttached(before, after)) throw partitionSince(after, 'attached')
  }

  #takeBack(change: ChangeReader, topic: number, { changes, messages }: Output): void {
    const { relation } = change
    this.#tables.check(relation)
    if (this.#changed.note(change)) this.write(changes, relation, topic, change.needOld())
    if (this.#changed.bytes > maxStashBytes || messages.batch.bytes.length > maxStashBytes) throw tooMuch()
  }
}

/** What is known of the table that a schema record describes. */
function describedBefore(schemas: SchemaHistory, payload: Buffer, offset: number): TableDescription | undefined {
  if (payload[offset] !== record.schema) return undefined
  return schemas.description(readDescription(payload, offset + tagBytes, recordEnd(payload, offset)).relid)
}

function partitionSince({ name }: TableDescription, how: string): FeedError {
  const message = `partition "${name}" was ${how} since the cursor, so the rows as of the cursor cannot be found`
  return new FeedError('FEED_STATE', message, {
    hint: "start the changefeed with a later cursor, without a cursor, or with initial_scan='no'",
  })
}

function truncatedSince({ target, partition }: TruncatedTable, targets: readonly FeedTarget[]): FeedError {
  const name = targets.find(({ relid }) => relid === target)?.tableName ?? target
  const which = partition === undefined ? '' : `partition ${partition} of `
  return new FeedError('FEED_TRUNCATED', `${which}"${name}" was truncated`, {
    hint: 'its rows as of the cursor are gone; start the changefeed with a later cursor, or without',
  })
}

function tooMuch(): FeedError {
  return new FeedError('FEED_STATE', 'too many rows have changed since the cursor for an initial scan as of it', {
    hint: "use a more recent cursor, or initial_scan='no'",
  })
}
