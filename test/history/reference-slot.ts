// A second reader of the same WAL: a logical slot with PostgreSQL's own test_decoding, read over SQL. Nothing in it is
// the product's, so what the two agree on is so.

import type pg from 'pg'
import type { History } from './history.ts'
import { parseTransactions } from './test-decoding.ts'

const slotName = 'test_reference'

export class ReferenceSlot implements AsyncDisposable {
  readonly #client: pg.Client
  readonly #history: History

  private constructor(client: pg.Client, history: History) {
    this.#client = client
    this.#history = history
  }

  /** Follows from here on; tables of the history must still be empty. */
  static async create(client: pg.Client, history: History): Promise<ReferenceSlot> {
    await client.query(`SET TimeZone = 'UTC'`)
    await client.query(`SELECT pg_create_logical_replication_slot($1, 'test_decoding')`, [slotName])
    return new ReferenceSlot(client, history)
  }

  /** Everything committed so far is in the history. */
  async catchUp(): Promise<void> {
    const { rows } = await this.#client.query<{ lsn: string; data: string }>(
      `SELECT lsn::text, data FROM pg_logical_slot_get_changes($1, NULL, NULL, 'include-timestamp', 'on')`,
      [slotName],
    )
    for (const transaction of parseTransactions(rows)) this.#history.append(transaction)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.query('SELECT pg_drop_replication_slot($1)', [slotName]).catch(() => undefined)
    await this.#client.end()
  }
}
