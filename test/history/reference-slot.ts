// A second reader of the same WAL: a logical slot with PostgreSQL's own test_decoding, read over SQL. Nothing in it is
// the product's, so what the two agree on is so.

import type pg from 'pg'
import type { History } from './history.ts'
import { parseTransactions } from './test-decoding.ts'

const slotName = 'test_reference_'

/** A new connection each time: the server may have gone away in between. */
export type Connect = () => Promise<pg.Client>

export class ReferenceSlot implements AsyncDisposable {
  readonly #connect: Connect
  readonly #history: History

  private constructor(connect: Connect, history: History) {
    this.#connect = connect
    this.#history = history
  }

  /** Follows from here on; tables of the history must still be empty. */
  static async create(connect: Connect, history: History): Promise<ReferenceSlot> {
    const client = await connect()
    try {
      // A slot with the name of another database's is another slot.
      await client.query(`SELECT pg_create_logical_replication_slot($1 || current_database(), 'test_decoding')`, [
        slotName,
      ])
    } finally {
      await client.end()
    }
    return new ReferenceSlot(connect, history)
  }

  /** Everything committed so far is in the history. */
  async catchUp(): Promise<void> {
    const client = await this.#connect()
    try {
      await client.query(`SET TimeZone = 'UTC'`)
      const { rows } = await client.query<{ lsn: string; data: string }>(
        `SELECT lsn::text, data FROM pg_logical_slot_get_changes($1 || current_database(), NULL, NULL, 'include-timestamp', 'on')`,
        [slotName],
      )
      for (const transaction of parseTransactions(rows)) this.#history.append(transaction)
    } finally {
      await client.end()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = await this.#connect()
    await client.query('SELECT pg_drop_replication_slot($1 || current_database())', [slotName]).catch(() => undefined)
    await client.end()
  }
}
