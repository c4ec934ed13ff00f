// Writers that do to a table whatever a client can: transactions of one row and of thousands, several changes of one row,
// keys that move, rows that come and go within a transaction, savepoints rolled back, large values left alone, deadlocks,
// connections cut in the middle. Every transaction writes one row with a number of its own into `txn_tags`.

import type pg from 'pg'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestServer } from '../server/test-server.ts'
import type { Random } from './random.ts'

export const createTables = `CREATE TABLE foo (id INT PRIMARY KEY, v TEXT DEFAULT '0', n INT, big TEXT);
ALTER TABLE foo ALTER big SET STORAGE EXTERNAL;
CREATE TABLE txn_tags (n INT PRIMARY KEY)`

const keys = 30
/** Keys of their own for transactions of thousands of rows. */
const firstBulkKey = 1000
const bulkRows = 3000

export class Workload {
  readonly #server: TestServer
  readonly #database: string
  #lastTag = 0
  committed = 0
  failed = 0

  constructor(server: TestServer, database: string) {
    this.#server = server
    this.#database = database
  }

  /** One writer, until the signal. */
  async write(random: Random, signal: AbortSignal): Promise<void> {
    let client = await this.#connect(signal)
    while (client !== undefined && !signal.aborted) {
      try {
        await this.transaction(client, random)
      } catch {
        // A deadlock or a cut connection: nothing was committed, or it was and the reference knows.
        this.failed += 1
        await client.query('ROLLBACK').catch(() => undefined)
        const isAlive = await client.query('SELECT 1').then(
          () => true,
          () => false,
        )
        if (!isAlive) {
          await client.end().catch(() => undefined)
          client = await this.#connect(signal)
        }
      }
      if (random.chance(0.2)) await delay(random.int(10))
    }
    await client?.end().catch(() => undefined)
  }

  /** The server may be down: that is what the test does to it. */
  async #connect(signal: AbortSignal): Promise<pg.Client | undefined> {
    while (!signal.aborted) {
      try {
        return await this.#server.connect(this.#database)
      } catch {
        await delay(20)
      }
    }
    return undefined
  }

  async transaction(client: pg.Client, random: Random): Promise<void> {
    const tag = ++this.#lastTag
    await client.query('BEGIN')
    const isBulk = random.chance(0.02)
    if (isBulk) await client.query(bulk(random))
    else {
      for (let i = 1 + random.int(5); i > 0; i--) await this.#change(client, random)
    }
    await client.query('INSERT INTO txn_tags VALUES ($1)', [tag])
    if (random.chance(0.1)) {
      await client.query('ROLLBACK')
      return
    }
    await client.query('COMMIT')
    this.committed += 1
  }

  async #change(client: pg.Client, random: Random): Promise<void> {
    const id = random.int(keys)
    const value = `w${random.int(1000)}`
    const isUndone = random.chance(0.1)
    if (isUndone) await client.query('SAVEPOINT s')
    await client.query(
      random.pick([
        [10, `UPSERT INTO foo (id, v, n) VALUES (${id}, '${value}', ${random.int(100)})`],
        [5, `UPDATE foo SET n = coalesce(n, 0) + 1 WHERE id = ${id}`],
        [3, `DELETE FROM foo WHERE id = ${id}`],
        [
          3,
          `UPDATE foo SET id = ${random.int(keys)} WHERE id = ${id} AND NOT EXISTS (SELECT FROM foo WHERE id < ${keys})`,
        ],
        [3, moveKey(id, random.int(keys))],
        [2, `UPDATE foo SET big = repeat('${value}', 2000) WHERE id = ${id}`],
        [2, `DELETE FROM foo WHERE id = ${id}; INSERT INTO foo (id, v) VALUES (${id}, 'again')`],
        [1, `INSERT INTO foo (id, v) VALUES (${id + 500}, 'gone'); DELETE FROM foo WHERE id = ${id + 500}`],
        [1, `UPDATE foo SET v = v WHERE id < ${keys}`],
      ]),
    )
    if (isUndone) await client.query('ROLLBACK TO SAVEPOINT s')
  }
}

/** The target makes room first, so that the key is free. */
function moveKey(from: number, to: number): string {
  return from === to ? 'SELECT 1' : `DELETE FROM foo WHERE id = ${to}; UPDATE foo SET id = ${to} WHERE id = ${from}`
}

function bulk(random: Random): string {
  const last = firstBulkKey + bulkRows - 1
  const isBulk = `id BETWEEN ${firstBulkKey} AND ${last}`
  return random.pick([
    [
      2,
      `UPSERT INTO foo (id, v, n) SELECT i, 'bulk', ${random.int(100)} FROM generate_series(${firstBulkKey}, ${last}) AS i`,
    ],
    [1, `UPDATE foo SET n = n + 1 WHERE ${isBulk}; UPDATE foo SET n = n + 1 WHERE ${isBulk}`],
    [1, `DELETE FROM foo WHERE ${isBulk}`],
  ])
}
