// The reference history: what the watched tables held after each committed transaction. It replaces reading a table
// "as of" a past moment, which PostgreSQL cannot do, and is built from a decoding of the WAL that shares no code with
// the product (see reference-slot.ts).
//
// A position is the number of a transaction in commit order, from 1; position 0 is before all of them.
// Rows are column → canonical JSON text; keys are the canonical JSON text of the key array.
//
// A DDL changes rows that nobody writes, and the WAL does not say so: schema-ledger.ts does. `rowAt` gives them as they are
// then. A fingerprint is of the rows as they were written last, whatever DDL came after, since a consumer has them so.

import { createHash } from 'node:crypto'
import type { Hlc } from '../../src/core/hlc.ts'
import type { DecodedChange, DecodedColumn, DecodedTransaction } from './test-decoding.ts'
import { jsonOfColumn } from './column-json.ts'
import { furthest, ledgerTable, readSchemaNote, type Reach, type SchemaNote } from './schema-ledger.ts'

export type Row = ReadonlyMap<string, string>

interface Version {
  readonly position: number
  /** Undefined: deleted. */
  readonly row: Row | undefined
}

interface TableState {
  readonly keyColumns: readonly string[]
  readonly versions: Map<string, Version[]>
  readonly live: Map<string, Row>
  /** The live rows as they were written last. */
  readonly written: Map<string, Row>
  readonly schemas: SchemaAt[]
  /** Rows that a transaction wrote before its DDL, by position and key: as they were written, which is all that the WAL says. */
  readonly beforeDdl: Map<string, Row>
  /** Fingerprint after each transaction that changed the table. */
  readonly marks: { readonly position: number; readonly fingerprint: string }[]
  sum: bigint
}

/** A table behind a transaction with DDL. */
export interface SchemaAt {
  readonly position: number
  readonly reach: Reach
  readonly columns: ReadonlyMap<string, string>
  readonly isFull: boolean
  /** The keys of the rows that it then had. */
  readonly keys: ReadonlySet<string>
}

export interface HistoryTransaction {
  readonly position: number
  readonly xid: number
  /** Commit time in nanoseconds since 1970, as PostgreSQL recorded it (whole microseconds). */
  readonly commitWall: bigint
  /** Keys whose rows it changed, per table, each with what became of it. */
  readonly touched: ReadonlyMap<string, ReadonlyMap<string, Touch>>
  readonly hasSchema: boolean
}

export interface Touch {
  readonly existedBefore: boolean
  readonly existsAfter: boolean
}

/** Answers what was true at a timestamp: the history together with the times that the product gave. */
export interface TimedHistory {
  rowAt(table: string, key: string, ts: Hlc): Row | undefined
  rowBefore(table: string, key: string, ts: Hlc): Row | undefined
  fingerprintAt(table: string, ts: Hlc): string
  fingerprintBefore(table: string, ts: Hlc): string
  keyColumns(table: string): readonly string[]
  columnsAt(table: string, ts: Hlc): ReadonlyMap<string, string> | undefined
  /** The row as the transaction at `ts` wrote it, if it changed the table behind that: the WAL does not say more. */
  beforeDdl(table: string, key: string, ts: Hlc): Row | undefined
  /** The keys of all such rows of the transaction at `ts`. */
  keysBeforeDdl(table: string, ts: Hlc): readonly string[]
  /** Columns that the transaction at `ts` has not changed; undefined: it has no DDL. */
  unchangedColumns(table: string, ts: Hlc): ReadonlySet<string> | undefined
  /** False: a message for the row at `ts` is one of a backfill. */
  isWritten(table: string, key: string, ts: Hlc): boolean
}

export class History {
  readonly transactions: HistoryTransaction[] = []
  readonly #tables = new Map<string, TableState>()

  /** `tables`: name → primary key columns. Changes of other tables are passed over. */
  constructor(tables: Readonly<Record<string, readonly string[]>>) {
    for (const [name, keyColumns] of Object.entries(tables)) {
      if (keyColumns.length === 0) throw new Error(`no primary key information found for ${name}`)
      this.#tables.set(name, {
        keyColumns,
        versions: new Map(),
        live: new Map(),
        written: new Map(),
        schemas: [],
        beforeDdl: new Map(),
        marks: [],
        sum: 0n,
      })
    }
  }

  get position(): number {
    return this.transactions.length
  }

  /** Transactions that neither touch a table of the history nor describe one get no position. */
  append(transaction: DecodedTransaction): void {
    const position = this.position + 1
    const touched = new Map<string, Map<string, Touch>>()
    const decoded = new Map<string, Row>()
    let hasSchema = false
    for (const change of transaction.changes) {
      if (change.table === ledgerTable) {
        hasSchema = true
        this.#describe(position, readSchemaNote(change))
        continue
      }
      const state = this.#tables.get(change.table)
      if (state === undefined) continue
      let keys = touched.get(change.table)
      if (keys === undefined) touched.set(change.table, (keys = new Map()))
      this.#apply(state, position, change, keys)
      const key = change.after === undefined ? undefined : keyOf(state, change.after)
      const row = key === undefined ? undefined : state.live.get(key)
      if (key !== undefined && row !== undefined) decoded.set(`${change.table} ${key}`, row)
    }
    if (touched.size === 0 && !hasSchema) return
    for (const [name, keys] of touched) {
      const state = this.#state(name)
      for (const key of keys.keys()) {
        noteWritten(state, key)
        const row = decoded.get(`${name} ${key}`)
        if (row !== undefined && state.live.has(key) && row !== state.live.get(key))
          state.beforeDdl.set(`${position} ${key}`, row)
      }
      state.marks.push({ position, fingerprint: fingerprintText(state.sum, state.written.size) })
    }
    const { xid, commitWall } = transaction
    this.transactions.push({ position, xid, commitWall, touched, hasSchema })
  }

  rowAt(table: string, key: string, position: number): Row | undefined {
    return lastAt(this.#state(table).versions.get(key) ?? [], position)?.row
  }

  fingerprintAt(table: string, position: number): string {
    return lastAt(this.#state(table).marks, position)?.fingerprint ?? fingerprintText(0n, 0)
  }

  keyColumns(table: string): readonly string[] {
    return this.#state(table).keyColumns
  }

  /** What the table holds after the last transaction. */
  liveRows(table: string): ReadonlyMap<string, Row> {
    return this.#state(table).live
  }

  #apply(state: TableState, position: number, change: DecodedChange, touched: Map<string, Touch>): void {
    if (change.op === 'truncate') {
      for (const key of Array.from(state.live.keys())) this.#set(state, position, key, undefined, touched)
      return
    }
    const newKey = change.after === undefined ? undefined : keyOf(state, change.after)
    const oldKey = change.oldKey === undefined ? newKey : keyOf(state, change.oldKey)
    if (oldKey === undefined) throw new Error(`a change of ${change.table} without a key`)
    const oldRow = state.live.get(oldKey)
    if (newKey === undefined || change.after === undefined) {
      this.#set(state, position, oldKey, undefined, touched)
      return
    }
    const row = new Map<string, string>()
    for (const column of change.after) {
      // A large value that an UPDATE left alone is not in the WAL: it is what the version before had.
      const json = column.unchanged ? oldRow?.get(column.name) : jsonOfColumn(column)
      if (json === undefined) throw new Error(`no earlier value of ${change.table}.${column.name}`)
      row.set(column.name, json)
    }
    if (oldKey !== newKey) this.#set(state, position, oldKey, undefined, touched)
    this.#set(state, position, newKey, row, touched)
  }

  #set(state: TableState, position: number, key: string, row: Row | undefined, touched: Map<string, Touch>): void {
    const old = state.live.get(key)
    touched.set(key, {
      existedBefore: touched.get(key)?.existedBefore ?? old !== undefined,
      existsAfter: row !== undefined,
    })
    if (row === undefined) state.live.delete(key)
    else state.live.set(key, row)
    noteVersion(state, key, { position, row })
  }

  #describe(position: number, { table, rows, ...schema }: SchemaNote): void {
    const state = this.#state(table)
    const known = state.live.size
    state.live.clear()
    for (const row of rows) {
      const key = `[${state.keyColumns.map((name) => row.get(name)).join(',')}]`
      state.live.set(key, row)
      noteVersion(state, key, { position, row })
    }
    // It was written behind the lock of the DDL.
    if (rows.length !== known) throw new Error(`the ledger has ${rows.length} rows of ${table}, the WAL ${known}`)
    const earlier = state.schemas.at(-1)?.position === position ? state.schemas.pop() : undefined
    const reach = furthest(earlier?.reach ?? 'none', schema.reach)
    const { columns, isFull } = schema
    state.schemas.push({ position, reach, columns, isFull, keys: new Set(state.live.keys()) })
  }

  /** The row as the transaction at `position` wrote it, if it changed the table behind that. */
  beforeDdl(table: string, key: string, position: number): Row | undefined {
    return this.#state(table).beforeDdl.get(`${position} ${key}`)
  }

  /** The DDL of a table, in order. */
  schemas(table: string): readonly SchemaAt[] {
    return this.#state(table).schemas
  }

  #state(table: string): TableState {
    const state = this.#tables.get(table)
    if (state === undefined) throw new Error(`the history does not follow ${table}`)
    return state
  }
}

function noteVersion(state: TableState, key: string, version: Version): void {
  let versions = state.versions.get(key)
  if (versions === undefined) state.versions.set(key, (versions = []))
  if (versions.at(-1)?.position === version.position) versions.pop()
  versions.push(version)
}

function noteWritten(state: TableState, key: string): void {
  const old = state.written.get(key)
  if (old !== undefined) state.sum -= rowHash(key, old)
  const row = state.live.get(key)
  if (row === undefined) {
    state.written.delete(key)
    return
  }
  state.sum += rowHash(key, row)
  state.written.set(key, row)
}

function keyOf(state: TableState, columns: readonly DecodedColumn[]): string {
  const parts = state.keyColumns.map((name) => {
    const column = columns.find((candidate) => candidate.name === name)
    if (column === undefined) throw new Error(`key column ${name} is missing`)
    return jsonOfColumn(column)
  })
  return `[${parts.join(',')}]`
}

function lastAt<T extends { readonly position: number }>(ascending: readonly T[], position: number): T | undefined {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as T).position <= position) low = middle + 1
    else high = middle
  }
  return ascending[low - 1]
}

/** Row hashes add up in any order, so a table's fingerprint follows its changes without reading it again. */
export function rowHash(key: string, row: Row): bigint {
  const hash = createHash('sha1').update(key)
  for (const [name, json] of [...row].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`\0${name}\0${json}`)
  return hash.digest().readBigUInt64BE()
}

export function fingerprintText(sum: bigint, rows: number): string {
  return rows === 0 ? 'EMPTY' : `${rows} rows ${BigInt.asUintN(64, sum).toString(16)}`
}
