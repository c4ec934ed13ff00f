// A changefeed as a user keeps it: when a schema change has stopped its job, another one starts where the error says.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { formatHlc, type Hlc } from '../../src/core/hlc.ts'
import type { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { stopOf } from './reader.ts'

const withinMs = 90_000
const lookEveryMs = 100

export interface JobInTurnOptions {
  readonly server: TestServer
  readonly database: string
  readonly owner: string
  /** `CREATE CHANGEFEED … WITH …`, without a cursor. */
  readonly statement: string
}

export class JobInTurn implements AsyncDisposable {
  readonly #options: JobInTurnOptions
  readonly #stop = new AbortController()
  readonly #watching: Promise<void>
  #failure: unknown
  id: string
  readonly stops: Hlc[] = []
  readonly cursors: Hlc[] = []

  private constructor(options: JobInTurnOptions, id: string) {
    this.#options = options
    this.id = id
    this.#watching = this.#watch().catch((error: unknown) => {
      this.#failure = error
    })
  }

  static async create(options: JobInTurnOptions): Promise<JobInTurn> {
    return new JobInTurn(options, await create(options, options.statement))
  }

  /** The job's error, when it has failed and is not to be replaced. */
  async error(): Promise<string | undefined> {
    const row = await this.#row()
    return row?.status === 'failed' ? row.error : undefined
  }

  /** Throws when it has ended for another reason than a schema change. */
  async assertRuns(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const row = await this.#row().catch(() => undefined)
    if (row?.status === 'failed' && stopOf({ message: row.error }) === undefined) assert.fail(row.error)
  }

  /** From now on it is not replaced. */
  async settle(): Promise<void> {
    this.#stop.abort()
    await this.#watching
    if (this.#failure !== undefined) throw this.#failure
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#watching
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await delay(lookEveryMs, undefined, { signal }).catch(() => undefined)
      // The server may be down: that is what the test does to it.
      const row = await this.#row().catch(() => undefined)
      if (row?.status !== 'failed') continue
      const at = stopOf({ message: row.error })
      if (at === undefined) return
      this.stops.push(at)
      this.cursors.push(at)
      const statement = `${this.#options.statement}, cursor = '${formatHlc(at)}'`
      let why: unknown
      this.id = await until('a job starts where the schema change has stopped the last one', withinMs, () =>
        create(this.#options, statement).catch((error: unknown) => {
          why = error
          return undefined
        }),
      ).catch((error: Error) => {
        throw new Error(`${error.message}: ${String(why)}`, { cause: why })
      })
    }
  }

  async #row(): Promise<{ readonly status: string; readonly error: string } | undefined> {
    const rows = await this.#options.server.sql(
      `SELECT status, error FROM crdb_internal.jobs WHERE job_id = ${this.id}`,
    )
    return rows[0] as { status: string; error: string } | undefined
  }
}

async function create({ server, database, owner }: JobInTurnOptions, statement: string): Promise<string> {
  const client = await server.connect(database, owner)
  try {
    const { rows } = await client.query<{ job_id: string }>(statement)
    return String(rows[0]?.job_id)
  } finally {
    await client.end().catch(() => undefined)
  }
}
