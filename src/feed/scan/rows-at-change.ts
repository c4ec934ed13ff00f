// Finds the rows that tables had at a schema change, when they are read at a later cut. The feed follows the log from the
// change on, after these rows. So a row that has changed since needs no older version before its next one: it is emitted as it
// was at the change if the log has its old values, and otherwise not at all.
//
//   in the log since the change         emitted
//   nothing                             the row that is read, with the columns of then
//   first an insert                     nothing: the row was not there
//   first an update or a delete         the old row, if the log has all of it
//   a change that took its values       nothing: that change makes the feed read the table again
//
// The transaction of the change may also have written rows. The feed emits them when it follows this transaction, so they are not
// emitted here, unless it cannot know their values, because all rows were written anew later in the transaction.

import { isRow, record, recordEnd } from '../../changelog/records.ts'
import type { Changelog } from '../../changelog/changelog.ts'
import type { FeedTarget } from '../../core/feed-spec.ts'
import { compareHlc, prevHlc, type Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { RowView } from '../../core/row-view.ts'
import type { TableDescription } from '../../core/table.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Selection } from '../../scan/selection.ts'
import type { ScanTable } from '../../scan/table-facts.ts'
import { isAttached } from '../follow/schema-changes.ts'
import type { TransactionParts } from '../follow/transaction-parts.ts'
import { Partitions } from '../transaction/partitions.ts'
import { truncatedTable } from '../transaction/truncated-table.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { Output } from '../output/open-output.ts'
import { ChangeReader } from '../transaction/change-reader.ts'
import type { IsMissed } from '../transaction/written-changes.ts'
import { readTableChanges, TablesAtEnd, type TableChanges } from '../transaction/tables-at-end.ts'
import { ChangedRows, isDeferrable, type RowKey } from './changed-rows.ts'
import { LogSpan } from './log-span.ts'
import { OwnRows } from './own-rows.ts'
import { NetChanges, type NetChange } from './net-changes.ts'
import type { CutTables, RowsAsOf } from './rows-as-of.ts'
import type { ScannedTarget } from './scan-request.ts'
import { pick, TableAtChange } from './table-at-change.ts'

const maxBytes = 256 * 1024 * 1024

/** What tables looked like at a time that is no schema change, and before the change that their rows are read for. */
export interface KnownTables {
  readonly before: ReadonlyMap<number, TableDescription>
  readonly at: ReadonlyMap<number, TableDescription>
}

export interface RowsAtChangeOptions {
  readonly log: Changelog
  readonly tables: readonly ScannedTarget[]
  /** The index of the target, by relation id. */
  readonly topics: ReadonlyMap<number, number>
  /** The time of the schema change, or another one if `known` is given. */
  readonly at: Hlc
  readonly known: KnownTables | undefined
  readonly diff: boolean
  /** Keeps old rows as messages. The caller emits what is left with the rows of the scan. */
  readonly stash: Output
  /** Emits what is in the stash. */
  readonly emitStash: () => Promise<void>
  /** Called when the rows of a table cannot be found because of a change at `since`. */
  readonly leftOut: (table: FeedTarget, since: Hlc) => void
  readonly yieldThread: () => Promise<void>
  readonly signal: AbortSignal
  /** The most memory that the keys of changed rows may take; for tests. */
  readonly maxBytes?: number | undefined
}

export class RowsAtChange implements RowsAsOf {
  readonly #options: RowsAtChangeOptions
  readonly #relids: ReadonlySet<number>
  readonly #partitions: Partitions
  readonly #span: LogSpan
  readonly #net: NetChanges
  readonly #change: ChangeReader
  readonly #changed = new ChangedRows()
  readonly #before = new Map<number, TableDescription>()
  readonly #tables = new Map<number, TableAtChange>()
  /** What becomes of rows that the transaction of the change has written; undefined: it changes no table. */
  #own: TablesAtEnd | undefined
  /** What was before those rows, with `diff`. */
  #ownRows: OwnRows | undefined
  readonly #old = new RowView()
  readonly #beforeRow = new RowView()
  /** The table of the row that was read last, and how its keys are found in such rows. */
  #table: TableAtChange | undefined
  #keys: readonly RowKey[] = []
  readonly #keysOf = new Map<number, readonly RowKey[]>()
  /** The tables that were targets or partitions at the change; undefined: what is read at the cut is what is wanted. */
  #leaves: Set<number> | undefined
  /** The partitioned tables of which only those partitions are read that the change has attached: their rows are new. */
  readonly #onlyAttached = new Set<number>()
  /** The transaction of the change has written rows whose values at its end are not known. */
  #hasUnknown = false

  constructor(options: RowsAtChangeOptions) {
    const { log, tables, at, known, stash, emitStash, yieldThread, signal } = options
    this.#options = options
    this.#relids = new Set(tables.map(({ relid }) => relid))
    const blockDone = async (): Promise<void> => {
      if (stash.changes.isFull) await stash.changes.drain()
      if (stash.messages.batch.bytes.length > maxBytes) await emitStash()
      await yieldThread()
    }
    const after = known === undefined ? prevHlc(at) : at
    this.#partitions = new Partitions(this.#relids)
    this.#span = new LogSpan({ log, partitions: this.#partitions, after, blockDone, signal })
    this.#net = new NetChanges(this.#span.schemas, this.#relids, (change) => this.#tableChanged(change))
    this.#change = new ChangeReader(this.#span.schemas, this.#partitions)
    for (const [relid, description] of known?.at ?? []) {
      if (this.#relids.has(relid)) this.#tables.set(relid, new TableAtChange(known?.before.get(relid), description))
    }
  }

  /** What the tables looked like before the change. */
  get before(): ReadonlyMap<number, TableDescription> {
    return this.#options.known?.before ?? this.#before
  }

  async readLog(through: Hlc): Promise<void> {
    if (this.#tables.size === 0) await this.#lookAtChange()
    await this.#span.readThrough(through, (parts) => this.#read(parts))
    this.#net.end()
    await this.#options.stash.changes.drain()
  }

  async readTo({ time, tables }: CutTables): Promise<void> {
    await this.readLog(time)
    this.#keysOf.clear()
    for (const { description, root = description } of tables.values())
      this.#keysOf.set(root.relid, this.#selectionOf(root.relid, root)?.keys ?? [])
    this.#table = undefined
  }

  selection({ description, root }: ScanTable): Selection | undefined {
    if (root === undefined) return this.#selectionOf(description.relid, description)
    // What became a partition after the change had no rows then, or is read when the feed comes to that time.
    if (this.#leaves !== undefined && !this.#leaves.has(description.relid)) return undefined
    return this.#selectionOf(root.relid, root)
  }

  isAsOf(relation: RelationSchema, row: RowView): boolean {
    this.#tableOf(relation)
    for (const key of this.#keys) if (this.#changed.has(key, row)) return false
    return true
  }

  /**
   * Whether a row that the transaction of the change wrote, and whose values at its end are not known, is not emitted here either:
   * its table is left out, or the row has changed since. Undefined: there is no such row.
   */
  get isMissed(): IsMissed | undefined {
    if (!this.#hasUnknown) return undefined
    return (relation, row) => {
      const { keyId, keyIndexes, relid } = relation
      if (this.#tables.get(relid)?.leftOutSince !== undefined) return true
      return this.#changed.has({ keyId, keyIndexes, deferrable: isDeferrable(relation) }, row)
    }
  }

  write(changes: ChangeWriter, relation: RelationSchema, topic: number, row: RowView): void {
    changes.write(relation, topic, row, row, this.#options.diff ? this.#rowBefore(relation, row) : undefined)
  }

  #rowBefore(relation: RelationSchema, row: RowView): RowView | undefined {
    const own = this.#hasUnknown ? this.#ownRows?.find(relation, row) : undefined
    if (own !== undefined) return own.before
    const { before } = this.#tableOf(relation)
    if (this.#onlyAttached.has(relation.relid)) return undefined
    return before && pick(row, before, this.#beforeRow)
  }

  [Symbol.dispose](): void {
    this.#span[Symbol.dispose]()
  }

  #tableOf({ relid }: RelationSchema): TableAtChange {
    if (this.#table?.description.relid !== relid) {
      this.#table = this.#tables.get(relid) as TableAtChange
      this.#keys = this.#keysOf.get(relid) ?? []
    }
    return this.#table
  }

  #selectionOf(relid: number, now: TableDescription): ReturnType<TableAtChange['selectionIn']> {
    const table = this.#tables.get(relid)
    if (table?.leftOutSince !== undefined) return undefined
    const selection = table?.selectionIn(now)
    if (selection === undefined) throw notFound(`table "${now.name}" was changed, and the log does not say when`)
    return selection
  }

  /** Learns what the tables looked like before the change, and what it has made of them. */
  async #lookAtChange(): Promise<void> {
    const { log, at, yieldThread, signal } = this.#options
    const changes: TableChanges = new Map()
    const after = prevHlc(at)
    const partitions = this.#partitions
    using span = new LogSpan({ log, partitions, after, blockDone: yieldThread, onlySchemas: true, signal })
    await span.readThrough(at, (parts) => readTableChanges(span.schemas, parts, changes))
    this.#lookAtPartitions(span.schemas, changes)
    for (const relid of this.#relids) {
      const before = span.schemas.description(relid)
      const now = changes.get(relid)?.after ?? before
      if (before !== undefined) this.#before.set(relid, before)
      if (now !== undefined) this.#tables.set(relid, new TableAtChange(before, now))
    }
    this.#own = TablesAtEnd.from(changes, () => true)
  }

  /** Learns which tables were partitions at the change, and whether those that are read have become partitions by it. */
  #lookAtPartitions(before: SchemaHistory, changes: TableChanges): void {
    const partitions = this.#partitions
    const leaves = (this.#leaves = new Set<number>())
    for (const description of before.descriptions()) {
      if (partitions.targetOf(description) !== undefined) leaves.add(description.relid)
    }
    for (const [relid, { after }] of changes) {
      if (partitions.targetOf(after) === undefined) leaves.delete(relid)
      else leaves.add(relid)
    }
    for (const { relid, leaves: only } of this.#options.tables) {
      const areAttached = only?.every((leaf) => {
        const change = changes.get(leaf)
        return change !== undefined && isAttached(change.before, change.after)
      })
      if (areAttached === true) this.#onlyAttached.add(relid)
    }
  }

  #read(parts: TransactionParts): void {
    const { at, known } = this.#options
    const isOwn = known === undefined && compareHlc(parts.ts, at) === 0
    if (!isOwn) this.#net.begin(parts)
    else if (this.#options.diff) this.#ownRows ??= new OwnRows(this.#span.schemas.snapshot())
    const { payload, list } = parts
    if (list.truncations.length > 0 && !isOwn) this.#checkTruncated(parts)
    for (let i = 0; i < list.count; i++) {
      const offset = list.offsets[i] as number
      if (!isRow(payload[offset] as number)) this.#span.schemas.apply(payload, offset, recordEnd(payload, offset))
      else if (isOwn) this.#ownRow(payload, offset)
      else this.#rowChanged(payload, offset)
    }
  }

  #tableChanged({ at, after }: NetChange): void {
    const { tables, leftOut } = this.#options
    const table = this.#tables.get(after.relid)
    if (table === undefined || table.leftOutSince !== undefined || table.isReadableIn(after)) return
    table.leftOutSince = at
    const target = tables.find(({ relid }) => relid === after.relid)
    if (target !== undefined) leftOut(target, at)
  }

  #ownRow(payload: Buffer, offset: number): void {
    if (!this.#change.read(payload, offset)) return
    const { relation, tag } = this.#change
    const table = this.#tables.get(relation.relid)
    if (table === undefined) return
    const atEnd = this.#own?.of(relation)
    const isUnknown = atEnd !== undefined && atEnd.conversion === undefined
    const hasKey = relation.description.primaryKey.length > 0
    if (isUnknown && hasKey && !isDeferrable(relation)) {
      this.#ownRows?.note(this.#change)
      this.#checkMemory()
    }
    // The row is not there to be read. If the transaction inserts it again, that is another change, whose values may be unknown.
    if (tag === record.delete) return
    if (isUnknown) this.#hasUnknown = true
    else if (hasKey) this.#note(table)
  }

  #rowChanged(payload: Buffer, offset: number): void {
    if (!this.#change.read(payload, offset)) return
    const { relation, old, oldKind } = this.#change
    const table = this.#tables.get(relation.relid)
    if (table === undefined || table.leftOutSince !== undefined) return
    if (relation.description.primaryKey.length === 0) {
      throw notFound(`rows of table "${relation.description.name}" were changed while it had no primary key`)
    }
    if (this.#note(table) && oldKind === 'full') this.#keep(table, relation, old)
  }

  /** Returns true if the change that was read is the first of a row that was there. */
  #note(table: TableAtChange): boolean {
    table.noteKey(this.#change.relation)
    const isFirst = this.#changed.note(this.#change)
    this.#checkMemory()
    return isFirst
  }

  #checkMemory(): void {
    if (this.#changed.bytes + (this.#ownRows?.bytes ?? 0) > (this.#options.maxBytes ?? maxBytes)) {
      throw notFound('too many rows have changed since to remember their keys')
    }
  }

  #keep(table: TableAtChange, logged: RelationSchema, old: RowView): void {
    const { stash, topics } = this.#options
    const places = table.keys.length === 1 ? table.placesIn(logged) : undefined
    if (places === undefined) return
    const { relation } = table
    const row = pick(old, { relation, places }, this.#old)
    this.write(stash.changes, relation, topics.get(relation.relid) as number, row)
  }

  #checkTruncated(parts: TransactionParts): void {
    const found = truncatedTable(parts, this.#span.schemas, this.#partitions)
    if (found === undefined) return
    const name = this.#options.tables.find(({ relid }) => relid === found.target)?.tableName ?? found.target
    throw new FeedError('FEED_TRUNCATED', `"${name}" was truncated`)
  }
}

function notFound(why: string): FeedError {
  return new FeedError('FEED_STATE', `the rows that a schema change has left cannot be found: ${why}`)
}
