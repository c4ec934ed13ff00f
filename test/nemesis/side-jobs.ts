// Jobs beside the one that is read: created, paused, resumed and cancelled while answers of PostgreSQL are lost. In the end
// each that says it runs, runs and obeys, and as many run as say so.

import { type TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import type { Random } from './random.ts'

const withinMs = 60_000

export class SideJobs {
  readonly #server: TestServer
  readonly #database: string

  constructor(server: TestServer, database: string) {
    this.#server = server
    this.#database = database
  }

  async create(): Promise<void> {
    await this.#server
      .sql(`CREATE CHANGEFEED FOR txn_tags INTO 'null://' WITH min_checkpoint_frequency = '0s'`, this.#database)
      .catch(() => undefined)
  }

  async control(random: Random): Promise<void> {
    const [row] = await this.#list(`status IN ('running', 'paused') ORDER BY random() LIMIT 1`).catch(() => [])
    if (row === undefined) return
    const verb = random.pick([
      [3, 'PAUSE'],
      [3, 'RESUME'],
      [1, 'CANCEL'],
    ])
    await this.#server.sql(`${verb} JOB ${row.id}`).catch(() => undefined)
  }

  /** Gives what is wrong. None of them is left. */
  async judge(): Promise<readonly string[]> {
    const failures: string[] = []
    const settled = `status IN ('running', 'paused', 'canceled')`
    await until('what was asked is done', withinMs, async () =>
      (await this.#list(`NOT ${settled} AND status <> 'failed'`)).length === 0 ? true : undefined,
    ).catch(async () =>
      failures.push(`jobs do not do what was asked: ${JSON.stringify(await this.#list(`NOT ${settled}`))}`),
    )
    for (const job of await this.#list(`status = 'failed'`)) failures.push(`job ${job.id} failed: ${job.error}`)
    for (const { id, at } of await this.#list(`status = 'running'`)) {
      await until('a job that says it runs goes on', withinMs, async () => {
        const [job] = await this.#list(`job_id = ${id}`)
        return Number(job?.at) > Number(at) ? true : undefined
      }).catch(async () => failures.push(`it does not run: ${JSON.stringify(await this.#list(`job_id = ${id}`))}`))
      await this.#server.sql(`PAUSE JOB ${id}`)
      await until(
        'it is paused',
        withinMs,
        async () => (await this.#list(`job_id = ${id} AND status = 'paused'`))[0],
      ).catch(() => failures.push(`job ${id} does not pause`))
    }
    for (const { id } of await this.#list(`status IN ('running', 'paused')`)) await this.#server.sql(`CANCEL JOB ${id}`)
    return failures
  }

  async #list(where: string): Promise<{ id: string; status: string; at: string | null; error: string }[]> {
    const rows = await this.#server.sql(
      `SELECT job_id AS id, status, high_water_timestamp AS at, error, running_status FROM crdb_internal.jobs WHERE description LIKE '%null:%' AND ${where}`,
    )
    return rows as { id: string; status: string; at: string | null; error: string }[]
  }
}

/** As many changefeeds run as jobs say they do. */
export async function countsAgree(server: TestServer): Promise<readonly string[]> {
  let said = ''
  return until('the jobs that run are those that say so', 30_000, async () => {
    const [row] = await server.sql(`SELECT count(*)::int AS n FROM crdb_internal.jobs WHERE status = 'running'`)
    const metrics = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
    const running = Number(/^changefeed_running (\d+)/m.exec(metrics)?.[1])
    said = `${row?.['n']} jobs say that they run, and ${running} do`
    return row?.['n'] === running ? [] : undefined
  }).catch(() => [said])
}
