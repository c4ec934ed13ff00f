// The reference history: what the watched tables held after each committed transaction. It replaces reading a table
// "as of" a past moment, which PostgreSQL cannot do, and is built from a decoding of the WAL that shares no code with
// the product (see reference-slot.ts).
//
// A position is the number of a transaction in commit order, from 1; position 0 is before all of them.

import type { Hlc } from '../../src/core/hlc.ts'
import { ledgerTable, readSchemaNote } from './schema-ledger.ts'
import { TableHistory, type Row, type SchemaAt, type Touch } from './table-history.ts'
import type { DecodedTransaction } from './test-decoding.ts'

export interface HistoryTransaction {
  readonly position: number
  readonly xid: number
  /** Commit time in nanoseconds since 1970, as PostgreSQL recorded it (whole microseconds). */
  readonly commitWall: bigint
  /** Keys whose rows it changed, per table, each with what became of it. */
  readonly touched: ReadonlyMap<string, ReadonlyMap<string, Touch>>
  readonly hasSchema: boolean
}

/** Answers what was true at a timestamp: the history together with the times that the product gave. */
export interface TimedHistory {
  rowAt(table: string, key: string, ts: Hlc): Row | undefined
  rowBefore(table: string, key: string, ts: Hlc): Row | undefined
  fingerprintAt(table: string, ts: Hlc): string
  fingerprintBefore(table: string, ts: Hlc): string
  keyColumns(table: string): readonly string[]
  /** The columns that a table had at `ts`, each with its type; undefined: nobody has written them down yet. */
  columnsAt(table: string, ts: Hlc): ReadonlyMap<string, string> | undefined
  /** The row as the transaction at `ts` wrote it, if it changed the table behind that: the WAL does not say more. */
  beforeDdl(table: string, key: string, ts: Hlc): Row | undefined
  /** Columns that the transaction at `ts` has not changed; undefined: it has no DDL. */
  unchangedColumns(table: string, ts: Hlc): ReadonlySet<string> | undefined
  /** False: a message for the row at `ts` is one of a backfill. */
  isWritten(table: string, key: string, ts: Hlc): boolean
}

export class History {
  readonly transactions: HistoryTransaction[] = []
  readonly #tables = new Map<string, TableHistory>()

  /** `tables`: name → primary key columns. Changes of other tables are passed over. */
  constructor(tables: Readonly<Record<string, readonly string[]>>) {
    for (const [name, keyColumns] of Object.entries(tables)) {
      if (keyColumns.length === 0) throw new Error(`no primary key information found for ${name}`)
      this.#tables.set(name, new TableHistory(keyColumns))
    }
  }

  get position(): number {
    return this.transactions.length
  }

  /** Transactions that neither touch a table of the history nor describe one get no position. */
  append({ xid, commitWall, changes }: DecodedTransaction): void {
    const position = this.position + 1
    let hasSchema = false
    for (const change of changes) {
      if (change.table === ledgerTable) {
        hasSchema = true
        const note = readSchemaNote(change)
        this.#of(note.table).describe(position, note)
      } else this.#tables.get(change.table)?.apply(position, change)
    }
    const touched = new Map<string, ReadonlyMap<string, Touch>>()
    for (const [name, table] of this.#tables) {
      const keys = table.complete(position)
      if (keys !== undefined) touched.set(name, keys)
    }
    if (touched.size > 0 || hasSchema) this.transactions.push({ position, xid, commitWall, touched, hasSchema })
  }

  rowAt(table: string, key: string, position: number): Row | undefined {
    return this.#of(table).rowAt(key, position)
  }

  fingerprintAt(table: string, position: number): string {
    return this.#of(table).fingerprintAt(position)
  }

  keyColumns(table: string): readonly string[] {
    return this.#of(table).keyColumns
  }

  /** What the table holds after the last transaction. */
  liveRows(table: string): ReadonlyMap<string, Row> {
    return this.#of(table).live
  }

  beforeDdl(table: string, key: string, position: number): Row | undefined {
    return this.#of(table).beforeDdl(key, position)
  }

  schemas(table: string): readonly SchemaAt[] {
    return this.#of(table).schemas
  }

  #of(name: string): TableHistory {
    const table = this.#tables.get(name)
    if (table === undefined) throw new Error(`the history does not follow ${name}`)
    return table
  }
}
