// Changes the schema of `foo` while it is written to: transactions of DDL alone and of DDL among writes, some rolled back as a
// whole or to a savepoint, some right behind one another. Behind each DDL its transaction writes down what the table is now
// (schema-ledger.ts). One that writes rows has a tag, as those of all writers; DDL alone may have none, and then stands
// between two transactions with one.

import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { createLedger, noteSchema } from '../history/schema-ledger.ts'
import { tagTable } from '../history/placed-transactions.ts'
import type { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import type { Random } from './random.ts'
import { changedTable, createTone, SchemaSteps } from './schema-steps.ts'

const firstTag = 2_000_000
const lastWithinMs = 60_000
const lastStill = 3000
/** Keys of their own for rows that nobody writes, so that a backfill has something to do. */
const still = `INSERT INTO ${changedTable} (id, v, big) SELECT 100000 + i, 'still', repeat('.', 150) FROM generate_series(1, ${lastStill}) AS i`

/** To be run in one transaction, before the feed starts. */
export const createChanged = `${createLedger}; ${createTone}; ${still}; ${noteSchema(changedTable, 'none')}; INSERT INTO ${tagTable} VALUES (${firstTag})`

/** Whatever the database and the role are set to. */
const session = [
  'SET default_transaction_read_only = off',
  'SET statement_timeout = 0',
  'SET transaction_timeout = 0',
  'SET idle_in_transaction_session_timeout = 0',
  `SET lock_timeout = '2s'`,
]

export class SchemaChanger {
  readonly #server: TestServer
  readonly #database: string
  readonly #random: Random
  readonly #steps: SchemaSteps
  readonly #said: string[]
  #lastTag = firstTag
  #last: Promise<void> = Promise.resolve()
  committed = 0
  failed = new Map<string, number>()

  constructor({
    server,
    database,
    random,
    said,
  }: {
    server: TestServer
    database: string
    random: Random
    said: string[]
  }) {
    this.#server = server
    this.#database = database
    this.#random = random
    this.#steps = new SchemaSteps(random)
    this.#said = said
  }

  /** The server was killed again and again, and away whenever the schema was to be changed. Only the last change was possible then. */
  get neverConnected(): boolean {
    return this.failed.size > 0 && [...this.failed.keys()].every((why) => why.startsWith('connect '))
  }

  /** Changes the schema now and then, until the signal. Start it behind the initial scan. */
  async run(everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(this.#random.int(2 * everyMs), undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await this.change()
    }
  }

  /** One change, or two with little time between them. A lock that is not given, or a connection that is cut, ends it. */
  change(): Promise<void> {
    // One at a time: two transactions of DDL alone must not stand next to each other.
    return (this.#last = this.#last.then(() => this.#change()))
  }

  /** Once nobody writes any more: nothing excuses a row that its backfill lacks. */
  async last(): Promise<void> {
    await until('the last change of the schema', lastWithinMs, () =>
      this.#connected(async (client) => {
        const { sql, reach } = this.#steps.last()
        await client.query(
          `BEGIN; LOCK TABLE ${changedTable}; ${sql}; ${noteSchema(changedTable, reach)}; ${this.#tag()}; COMMIT`,
        )
      }),
    )
  }

  async #change(): Promise<void> {
    await this.#connected(async (client) => {
      for (let left = this.#random.chance(0.3) ? 2 : 1; left > 0; left--) await this.#transaction(client)
    })
  }

  /** Returns undefined when it has failed. */
  async #connected(work: (client: pg.Client) => Promise<void>): Promise<true | undefined> {
    let client: pg.Client | undefined
    try {
      client = await this.#server.connect(this.#database)
      for (const sql of session) await client.query(sql)
      await work(client)
      return true
    } catch (error) {
      const why = (error as Error).message
      this.failed.set(why, (this.failed.get(why) ?? 0) + 1)
      return undefined
    } finally {
      await client?.end().catch(() => undefined)
    }
  }

  async #transaction(client: pg.Client): Promise<void> {
    const random = this.#random
    const isMixed = random.chance(0.4)
    const isTagged = isMixed || random.chance(0.4)
    if (!isTagged) await client.query(this.#tag())
    await client.query('BEGIN')
    await client.query(`LOCK TABLE ${changedTable}`)
    await this.#steps.look(client)
    const names: string[] = []
    for (let left = random.chance(0.3) ? 2 : 1; left > 0; left--) {
      if (isMixed && random.chance(0.6)) await client.query(this.#write())
      names.push(await this.#step(client))
    }
    if (isMixed) await client.query(this.#write())
    if (isTagged) await client.query(this.#tag())
    if (random.chance(0.12)) {
      await client.query('ROLLBACK')
      this.#said.push(`roll back (${names.join(', ')})`)
      return
    }
    await client.query('COMMIT')
    this.committed += 1
    this.#said.push(`${isMixed ? 'among writes: ' : ''}${names.join(', ')}`)
    if (!isTagged) await client.query(this.#tag())
  }

  async #step(client: pg.Client): Promise<string> {
    const isUndone = this.#random.chance(0.1)
    const { name, sql, reach } = this.#steps.next()
    if (isUndone) await client.query('SAVEPOINT ddl')
    await client.query(sql)
    if (!isUndone) await client.query(noteSchema(changedTable, reach))
    else {
      await client.query('ROLLBACK TO SAVEPOINT ddl')
      await this.#steps.look(client)
    }
    return isUndone ? `${name}, undone` : name
  }

  #tag(): string {
    return `INSERT INTO ${tagTable} VALUES (${++this.#lastTag})`
  }

  #write(): string {
    const id = this.#random.int(30)
    return this.#random.pick([
      [3, `UPSERT INTO foo (id, v, n) VALUES (${id}, 'with DDL', ${this.#random.int(100)})`],
      [1, `UPDATE foo SET n = 1 WHERE id BETWEEN ${100_000 + id} AND ${100_003 + id}`],
      [1, `DELETE FROM foo WHERE id = ${id}`],
      [1, `UPDATE foo SET big = repeat('d', 3000) WHERE id = ${id}`],
    ])
  }
}
