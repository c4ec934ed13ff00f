// What was true at a timestamp: the reference history, with the times that the product gave to its transactions
// (placed-transactions.ts).

import { compareHlc, type Hlc } from '../../src/core/hlc.ts'
import type { RowNote } from '../validators/validator.ts'
import type { History, HistoryTransaction, TimedHistory } from './history.ts'
import { PlacedTransactions, type Moment, type TimesOptions } from './placed-transactions.ts'
import type { Row, SchemaAt } from './table-history.ts'

/** A DDL, with the time that the product gave to its transaction; undefined: nothing has said it. */
export interface TimedSchema extends SchemaAt {
  readonly ts: Hlc | undefined
}

export class TransactionTimes implements TimedHistory {
  readonly #history: History
  readonly #moments: readonly Moment[]
  readonly #failures: readonly string[]
  readonly #scanTs: Hlc | undefined

  constructor(history: History, notes: readonly RowNote[], options: TimesOptions) {
    const { moments, failures, scanTs } = new PlacedTransactions(history, notes, options)
    this.#history = history
    this.#moments = moments
    this.#failures = failures
    this.#scanTs = scanTs
  }

  failures(): readonly string[] {
    return this.#failures
  }

  /** The timestamp of the initial scan. */
  get scanTs(): Hlc | undefined {
    return this.#scanTs
  }

  /** Transactions that came one by one, each with its timestamp, in order. */
  get streamed(): readonly { readonly ts: Hlc; readonly transaction: HistoryTransaction }[] {
    return this.#moments
      .filter(({ ts }) => this.#scanTs === undefined || compareHlc(ts, this.#scanTs) !== 0)
      .map(({ ts, position }) => ({ ts, transaction: this.#history.transactions[position - 1] as HistoryTransaction }))
  }

  /** The DDL of a table after the initial scan, in order. */
  schemaChanges(table: string): readonly TimedSchema[] {
    const scanned = this.#scanTs === undefined ? 0 : this.positionAt(this.#scanTs)
    return this.#history
      .schemas(table)
      .filter(({ position }) => position > scanned)
      .map((schema) => ({ ...schema, ts: this.#moments.find(({ position }) => position === schema.position)?.ts }))
  }

  commitWall(position: number): bigint {
    return (this.#history.transactions[position - 1] as HistoryTransaction).commitWall
  }

  /** The time of the first transaction after `position` that has one. */
  timeAfter(position: number): Hlc | undefined {
    return this.#moments.find((moment) => moment.position > position)?.ts
  }

  /** The time of the last transaction before `position` that has one. */
  timeBefore(position: number): Hlc | undefined {
    return this.#moments.findLast((moment) => moment.position < position)?.ts
  }

  /** Whether the transaction at `ts` changed the table itself. */
  isChange(table: string, ts: Hlc): boolean {
    const position = this.positionAt(ts)
    return (
      position !== this.positionBefore(ts) &&
      this.#history.schemas(table).some((schema) => schema.position === position)
    )
  }

  /** The columns that a table had at `ts`; undefined: nobody has written them down yet. */
  columnsAt(table: string, ts: Hlc): ReadonlyMap<string, string> | undefined {
    const position = this.positionAt(ts)
    return this.#history.schemas(table).findLast((schema) => schema.position <= position)?.columns
  }

  beforeDdl(table: string, key: string, ts: Hlc): Row | undefined {
    return this.#history.beforeDdl(table, key, this.positionAt(ts))
  }

  unchangedColumns(table: string, ts: Hlc): ReadonlySet<string> | undefined {
    if (!this.isChange(table, ts)) return undefined
    const now = this.columnsAt(table, ts) ?? new Map<string, string>()
    const position = this.positionBefore(ts)
    const before = this.#history.schemas(table).findLast((schema) => schema.position <= position)?.columns
    if (before === undefined) return undefined
    return new Set([...now].flatMap(([name, type]) => (before.get(name) === type ? [name] : [])))
  }

  /** Whether the transaction at `ts` wrote the row itself. A DDL that gives it other columns does not. */
  isWritten(table: string, key: string, ts: Hlc): boolean {
    if (this.#scanTs !== undefined && compareHlc(ts, this.#scanTs) === 0) return true
    const position = this.positionAt(ts)
    // Between two transactions: of no transaction at all.
    if (position === this.positionBefore(ts)) return true
    return this.#history.transactions[position - 1]?.touched.get(table)?.has(key) === true
  }

  /** When PostgreSQL committed the first transaction after `position` that wrote the row; undefined: none did. */
  nextWrite(table: string, key: string, position: number): bigint | undefined {
    return this.#history.transactions.slice(position).find(({ touched }) => touched.get(table)?.has(key))?.commitWall
  }

  /** Position of the last transaction at or below `ts`. */
  positionAt(ts: Hlc): number {
    return this.#momentsBelow(ts, true)
  }

  /** Position of what a transaction at `ts` found: also of DDL alone just before it, whose time no message says. */
  positionBefore(ts: Hlc): number {
    const below = this.#momentsBelow(ts, false)
    const position = this.positionAt(ts)
    const isScan = this.#scanTs !== undefined && compareHlc(ts, this.#scanTs) === 0
    return position === below || isScan ? below : position - 1
  }

  rowAt(table: string, key: string, ts: Hlc): Row | undefined {
    return this.#history.rowAt(table, key, this.positionAt(ts))
  }

  rowBefore(table: string, key: string, ts: Hlc): Row | undefined {
    return this.#history.rowAt(table, key, this.positionBefore(ts))
  }

  fingerprintAt(table: string, ts: Hlc): string {
    return this.#history.fingerprintAt(table, this.positionAt(ts))
  }

  fingerprintBefore(table: string, ts: Hlc): string {
    return this.#history.fingerprintAt(table, this.positionBefore(ts))
  }

  keyColumns(table: string): readonly string[] {
    return this.#history.keyColumns(table)
  }

  #momentsBelow(ts: Hlc, inclusive: boolean): number {
    let low = 0
    let high = this.#moments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = compareHlc((this.#moments[middle] as Moment).ts, ts)
      if (order < 0 || (inclusive && order === 0)) low = middle + 1
      else high = middle
    }
    // Before the first moment: what the history held before the first transaction that the feed delivered.
    return this.#moments[low - 1]?.position ?? (this.#moments[0]?.position ?? 1) - 1
  }
}
