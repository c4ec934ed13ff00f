// A table whose columns change their names all the time, and whose rows say themselves whether they were read right: each
// row is inserted by name with a = id and b = -id, and before and behind it a and b change places, columns come and go,
// within transactions and between them. A row read with the columns of another moment has them the wrong way round. That of
// a transaction has the columns that the table has at its end.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { formatHlc } from '../../src/core/hlc.ts'
import type { TestServer } from '../server/test-server.ts'
import type { RowNote } from '../validators/validator.ts'
import type { Random } from './random.ts'

export const mirrorTable = 'mirror'
export const createMirror = `CREATE TABLE ${mirrorTable} (id INT PRIMARY KEY, a INT, b INT, pad TEXT)`

const swap = `ALTER TABLE ${mirrorTable} RENAME COLUMN a TO c; ALTER TABLE ${mirrorTable} RENAME COLUMN b TO a; ALTER TABLE ${mirrorTable} RENAME COLUMN c TO b`

export class Mirror {
  readonly name = mirrorTable
  readonly #often: number
  readonly #server: TestServer
  readonly #database: string
  /** Rows whose COMMIT was answered. */
  readonly #committed = new Set<number>()
  /** Rows whose transaction gave a and b each other's names after it had inserted them. */
  readonly #swapped = new Set<number>()
  #lastId = 0
  #columns = 0

  /** `often`: how often columns come and go, 1 being usual. */
  constructor(server: TestServer, database: string, often: number) {
    this.#often = often
    this.#server = server
    this.#database = database
  }

  /** Writes until the signal. Start it behind the initial scan: a scan shows every row by the names of its moment. */
  async write(random: Random, signal: AbortSignal): Promise<void> {
    let client: pg.Client | undefined
    while (!signal.aborted) {
      try {
        client ??= await this.#server.connect(this.#database)
        await this.#transaction(client, random)
      } catch {
        // The server or the connection is gone: that is what the test does to it.
        await client?.end().catch(() => undefined)
        client = undefined
        await delay(20)
      }
    }
    await client?.end().catch(() => undefined)
  }

  /**
   * Each row as it must be, and each committed one there. A backfill shows all rows by the names of one moment, which is that
   * of a transaction of this writer.
   */
  judge(rows: readonly RowNote[], hasBackfills: boolean): readonly string[] {
    const failures: string[] = []
    const ofTable = rows.filter(({ topic }) => topic.endsWith(mirrorTable))
    const first = new Map<number, string>()
    const right = new Set<number>()
    for (const { value, updated } of ofTable) {
      const { id, a, b } = rowOf(value)
      const at = formatHlc(updated)
      if (!first.has(id)) first.set(id, at)
      const sign = this.#swapped.has(id) ? -1 : 1
      if (a === sign * id && b === -sign * id && first.get(id) === at) right.add(id)
    }
    const times = new Set(first.values())
    for (const { value, updated } of ofTable) {
      const { id, a, b } = rowOf(value)
      const at = formatHlc(updated)
      const isBackfill = hasBackfills && times.has(at) && a === -b && Math.abs(a) === id
      const sign = this.#swapped.has(id) ? -1 : 1
      if (!isBackfill && (a !== sign * id || b !== -sign * id || first.get(id) !== at))
        failures.push(`row ${id} was read as ${value.slice(0, 200)}`)
    }
    for (const id of this.#committed) if (!right.has(id)) failures.push(`row ${id} of ${mirrorTable} is missing`)
    return failures
  }

  /** Fails when nothing was written: the run would show nothing. */
  assertUsed(): void {
    assert.ok(this.#committed.size > 20, `${this.#committed.size} rows of ${mirrorTable} were committed`)
  }

  async #transaction(client: pg.Client, random: Random): Promise<void> {
    const ids: number[] = []
    const insert = (): Promise<unknown> => {
      const first = this.#lastId + 1
      this.#lastId += random.chance(0.1) ? 300 : 1 + random.int(4)
      for (let id = first; id <= this.#lastId; id++) ids.push(id)
      return client.query(
        `INSERT INTO ${mirrorTable} (id, a, b, pad) SELECT i, i, -i, repeat('x', 200) FROM generate_series(${first}, ${this.#lastId}) AS i`,
      )
    }
    const change = (): Promise<unknown> => {
      const sql = random.pick([
        [4, swap],
        [this.#often, `ALTER TABLE ${mirrorTable} ADD COLUMN m${++this.#columns} INT DEFAULT 7`],
        [this.#often, `ALTER TABLE ${mirrorTable} DROP COLUMN IF EXISTS m${this.#columns}`],
      ])
      if (sql === swap) for (const id of ids) if (!this.#swapped.delete(id)) this.#swapped.add(id)
      return client.query(sql)
    }
    await client.query('BEGIN')
    for (let i = 1 + random.int(4); i > 0; i--) await (random.chance(0.5) ? insert() : change())
    await insert()
    if (random.chance(0.1)) {
      await client.query('ROLLBACK')
      return
    }
    await client.query('COMMIT')
    for (const id of ids) this.#committed.add(id)
    await delay(random.int(30))
  }
}

function rowOf(value: string): { readonly id: number; readonly a: number; readonly b: number } {
  return (JSON.parse(value) as { readonly after: { readonly id: number; a: number; b: number } }).after
}
