// What one table held after each transaction. Rows are column → canonical JSON text; keys are the canonical JSON text of the
// key array.
//
// A DDL changes rows that nobody writes, and the WAL does not say so: schema-ledger.ts does. `rowAt` gives them as they are
// then. A fingerprint is of the rows as they were written last, whatever DDL came after, since a consumer has them so.

import { createHash } from 'node:crypto'
import { jsonOfColumn } from './column-json.ts'
import { furthest, type Reach, type SchemaNote } from './schema-ledger.ts'
import type { DecodedChange, DecodedColumn } from './test-decoding.ts'

export type Row = ReadonlyMap<string, string>

export interface Touch {
  readonly existedBefore: boolean
  readonly existsAfter: boolean
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

interface Version {
  readonly position: number
  /** Undefined: deleted. */
  readonly row: Row | undefined
}

export class TableHistory {
  readonly keyColumns: readonly string[]
  readonly live = new Map<string, Row>()
  /** Its DDL, in order. */
  readonly schemas: SchemaAt[] = []
  readonly #versions = new Map<string, Version[]>()
  /** The live rows as they were written last, and what their hashes add up to. */
  readonly #written = new Map<string, Row>()
  #sum = 0n
  /** Fingerprint after each transaction that wrote the table. */
  readonly #marks: { readonly position: number; readonly fingerprint: string }[] = []
  /** Rows that a transaction wrote before its DDL, by position and key: as they were written, which is all that the WAL says. */
  readonly #beforeDdl = new Map<string, Row>()
  /** The keys that the open transaction has written, and their rows as the WAL has them. */
  #touched = new Map<string, Touch>()
  #logged = new Map<string, Row>()

  constructor(keyColumns: readonly string[]) {
    this.keyColumns = keyColumns
  }

  rowAt(key: string, position: number): Row | undefined {
    return lastAt(this.#versions.get(key) ?? [], position)?.row
  }

  fingerprintAt(position: number): string {
    return lastAt(this.#marks, position)?.fingerprint ?? fingerprintText(0n, 0)
  }

  /** The row as the transaction at `position` wrote it, if it changed the table behind that. */
  beforeDdl(key: string, position: number): Row | undefined {
    return this.#beforeDdl.get(`${position} ${key}`)
  }

  /** A change of the transaction at `position`. */
  apply(position: number, change: DecodedChange): void {
    if (change.op === 'truncate') {
      for (const key of Array.from(this.live.keys())) this.#set(position, key, undefined)
      return
    }
    const newKey = change.after === undefined ? undefined : this.#keyOf(change.after)
    const oldKey = change.oldKey === undefined ? newKey : this.#keyOf(change.oldKey)
    if (oldKey === undefined) throw new Error(`a change of ${change.table} without a key`)
    const oldRow = this.live.get(oldKey)
    if (newKey === undefined || change.after === undefined) {
      this.#set(position, oldKey, undefined)
      return
    }
    const row = new Map<string, string>()
    for (const column of change.after) {
      // A large value that an UPDATE left alone is not in the WAL: it is what the version before had.
      const json = column.unchanged ? oldRow?.get(column.name) : jsonOfColumn(column)
      if (json === undefined) throw new Error(`no earlier value of ${change.table}.${column.name}`)
      row.set(column.name, json)
    }
    if (oldKey !== newKey) this.#set(position, oldKey, undefined)
    this.#set(position, newKey, row)
    this.#logged.set(newKey, row)
  }

  /** What a DDL of the transaction at `position` has made of the table. */
  describe(position: number, { table, rows, ...schema }: SchemaNote): void {
    const known = this.live.size
    this.live.clear()
    for (const row of rows) {
      const key = `[${this.keyColumns.map((name) => row.get(name)).join(',')}]`
      this.live.set(key, row)
      this.#addVersion(key, { position, row })
    }
    // It was written behind the lock of the DDL.
    if (rows.length !== known) throw new Error(`the ledger has ${rows.length} rows of ${table}, the WAL ${known}`)
    const earlier = this.schemas.at(-1)?.position === position ? this.schemas.pop() : undefined
    const reach = furthest(earlier?.reach ?? 'none', schema.reach)
    const { columns, isFull } = schema
    this.schemas.push({ position, reach, columns, isFull, keys: new Set(this.live.keys()) })
  }

  /** The transaction is complete. Gives the keys that it has written; undefined: it has only described the table, or less. */
  complete(position: number): ReadonlyMap<string, Touch> | undefined {
    const touched = this.#touched
    if (touched.size === 0) return undefined
    for (const key of touched.keys()) {
      const row = this.live.get(key)
      const logged = this.#logged.get(key)
      this.#write(key, row)
      if (row !== undefined && logged !== undefined && row !== logged) this.#beforeDdl.set(`${position} ${key}`, logged)
    }
    this.#marks.push({ position, fingerprint: fingerprintText(this.#sum, this.#written.size) })
    this.#touched = new Map()
    this.#logged = new Map()
    return touched
  }

  #set(position: number, key: string, row: Row | undefined): void {
    this.#touched.set(key, {
      existedBefore: this.#touched.get(key)?.existedBefore ?? this.live.has(key),
      existsAfter: row !== undefined,
    })
    if (row === undefined) this.live.delete(key)
    else this.live.set(key, row)
    this.#addVersion(key, { position, row })
  }

  #write(key: string, row: Row | undefined): void {
    const old = this.#written.get(key)
    if (old !== undefined) this.#sum -= rowHash(key, old)
    this.#written.delete(key)
    if (row === undefined) return
    this.#sum += rowHash(key, row)
    this.#written.set(key, row)
  }

  #addVersion(key: string, version: Version): void {
    let versions = this.#versions.get(key)
    if (versions === undefined) this.#versions.set(key, (versions = []))
    if (versions.at(-1)?.position === version.position) versions.pop()
    versions.push(version)
  }

  #keyOf(columns: readonly DecodedColumn[]): string {
    const parts = this.keyColumns.map((name) => {
      const column = columns.find((candidate) => candidate.name === name)
      if (column === undefined) throw new Error(`key column ${name} is missing`)
      return jsonOfColumn(column)
    })
    return `[${parts.join(',')}]`
  }
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
