// A block of a changelog with random transactions over random tables, and the options of a changefeed that follows them.

import {
  beginBytes,
  commitBytes,
  lengthBytes,
  schemaRecord,
  writeBegin,
  writeCommit,
} from '../../src/changelog/records.ts'
import type { FeedSpec } from '../../src/core/feed-spec.ts'
import type { TableDescription } from '../../src/core/table.ts'
import type { Chance } from './chance.ts'
import { randomRow, randomSpec, randomTable } from './random-table.ts'

/** Null is NULL, undefined an out-of-line value that did not change. */
type Value = Buffer | null | undefined

export interface RandomLog {
  readonly spec: FeedSpec
  /** The schema records of the tables. */
  readonly schemas: readonly Buffer[]
  readonly payload: Buffer
}

export class LogMaker {
  readonly #chance: Chance
  readonly #mayFail: boolean
  readonly #records: Buffer[] = []
  #wall = 1_700_000_000_000_000_000n

  constructor(chance: Chance) {
    this.#chance = chance
    this.#mayFail = chance.isOneIn(4)
  }

  make(): RandomLog {
    const chance = this.#chance
    const tables = Array.from({ length: 1 + chance.below(3) }, (_, i) => randomTable(chance, i + 1))
    const spec = randomSpec(chance, tables)
    const transactions = 1 + chance.below(30)
    for (let i = 0; i < transactions; i++) this.#transaction(tables)
    const schemas = tables.map((table) => schemaRecord(Buffer.from(JSON.stringify(table))))
    return { spec, schemas, payload: Buffer.concat(this.#records) }
  }

  #transaction(tables: readonly TableDescription[]): void {
    const chance = this.#chance
    this.#wall += BigInt(chance.pick([0, 1, 999_999_999, 60_000_000_000]))
    const begin = Buffer.alloc(beginBytes)
    writeBegin({ wall: this.#wall, logical: chance.below(3) }, 1n, 1, 0n, begin, 0)
    this.#record(begin)
    const insertsOnly = chance.isOneIn(2)
    const changes = chance.isOneIn(8) ? chance.below(200) : 1 + chance.below(4)
    for (let i = 0; i < changes; i++)
      this.#change(chance.pick(tables), insertsOnly ? 'I' : chance.pick(['I', 'U', 'U', 'D']))
    const commit = Buffer.alloc(commitBytes)
    writeCommit(1n, commit, 0)
    this.#record(commit)
  }

  #change(table: TableDescription, tag: string): void {
    const chance = this.#chance
    const row = this.#row(table)
    const parts = [Buffer.from(tag), u32(table.relid)]
    if (tag === 'I') parts.push(Buffer.from('N'), tuple(row))
    else {
      const old = this.#row(table).map((value, i) =>
        chance.isOneIn(8) && i < table.primaryKey.length ? value : row[i],
      )
      const isWhole = !chance.isOneIn(10)
      const logged = isWhole ? old : old.map((value, i) => (i < table.primaryKey.length ? value : null))
      const hasOld = tag === 'D' || !chance.isOneIn(5)
      if (hasOld) parts.push(Buffer.from(isWhole ? 'O' : 'K'), tuple(logged))
      if (tag === 'U') {
        const left = row.map((value) => (hasOld && isWhole && chance.isOneIn(6) ? undefined : value))
        parts.push(Buffer.from('N'), tuple(this.#mayFail && chance.isOneIn(50) ? row.map(() => undefined) : left))
      }
    }
    const record = Buffer.concat(parts)
    this.#record(
      this.#mayFail && chance.isOneIn(100) ? record.subarray(0, 5 + chance.below(record.length - 5)) : record,
    )
  }

  #row(table: TableDescription): Value[] {
    return randomRow(table, this.#chance, this.#mayFail)
  }

  #record(bytes: Buffer): void {
    const length = Buffer.alloc(lengthBytes)
    length.writeUInt32BE(bytes.length)
    this.#records.push(length, bytes)
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function tuple(values: readonly Value[]): Buffer {
  const parts = values.flatMap((value) => {
    if (value === null) return [Buffer.from('n')]
    if (value === undefined) return [Buffer.from('u')]
    return [Buffer.from('t'), u32(value.length), value]
  })
  return Buffer.concat([Buffer.from([0, values.length]), ...parts])
}
