// The only writer of a table: transaction after transaction, each known to be committed or not. When a connection ends
// with its answer, the next one asks the table, behind the lock of whoever may still be at it.

import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import type { TestServer } from '../server/test-server.ts'
import type { RowNote } from '../validators/validator.ts'
import { Ledger } from './ledger.ts'
import type { Random } from './random.ts'

export interface WrittenTable {
  readonly name: string
  /** Others change its schema, too. */
  readonly isChangedByOthers: boolean
  /** Learns from the table how it is now. It is locked. */
  look(client: pg.Client): Promise<void>
  /** The statements of one transaction, between BEGIN and its end; writes at least one row, the last one last. */
  steps(client: pg.Client, random: Random, ledger: Ledger): Promise<void>
}

export class SingleWriter {
  readonly #server: TestServer
  readonly #database: string
  readonly #table: WrittenTable
  readonly #ledger = new Ledger()
  failed = new Map<string, number>()

  constructor({ server, database, table }: { server: TestServer; database: string; table: WrittenTable }) {
    this.#server = server
    this.#database = database
    this.#table = table
  }

  get name(): string {
    return this.#table.name
  }

  /** Writes until the signal; then everything is known. Start it behind the initial scan. */
  async write(random: Random, signal: AbortSignal): Promise<void> {
    let client: pg.Client | undefined
    while (!signal.aborted) {
      try {
        client ??= await this.#enter()
        await this.#transaction(client, random)
        await delay(random.int(30))
      } catch (error) {
        const why = (error as Error).message
        this.failed.set(why, (this.failed.get(why) ?? 0) + 1)
        await client?.end().catch(() => undefined)
        client = undefined
        await delay(20)
      }
    }
    await client?.end().catch(() => undefined)
    while (
      !(await this.#enter().then(
        (last) => last.end().then(() => true),
        () => false,
      ))
    )
      await delay(50)
  }

  judge(rows: readonly RowNote[], hasBackfills: boolean): readonly string[] {
    const { name, isChangedByOthers } = this.#table
    const ofTable = rows.filter(({ topic }) => topic === name || topic.endsWith(`.${name}`))
    const failures = this.#ledger.judge(ofTable, hasBackfills ? (isChangedByOthers ? 'any' : 'own') : 'none')
    const why = [...this.failed].map(([text, times]) => `${times} × ${text}`).join('; ')
    return this.#ledger.count > 10
      ? failures
      : [...failures, `${this.#ledger.count} transactions of ${name} were committed: ${why}`]
  }

  /** A connection; what became of the last transaction is known. */
  async #enter(): Promise<pg.Client> {
    const client = await this.#server.connect(this.#database)
    try {
      const { name } = this.#table
      await client.query('SET default_transaction_read_only = off')
      await client.query('BEGIN')
      await client.query(`LOCK TABLE ${name}`)
      const { rows } = await client.query<{ there: boolean }>(
        `SELECT EXISTS (SELECT FROM ${name} WHERE s = ${this.#ledger.last}) AS there`,
      )
      if (rows[0]?.there === true) this.#ledger.committed()
      await this.#table.look(client)
      await client.query('COMMIT')
      return client
    } catch (error) {
      await client.end().catch(() => undefined)
      throw error
    }
  }

  async #transaction(client: pg.Client, random: Random): Promise<void> {
    await client.query('BEGIN')
    this.#ledger.begin()
    await this.#table.steps(client, random, this.#ledger)
    await client.query('COMMIT')
    this.#ledger.committed()
  }
}
