// The owner of a job loses SELECT on a table: the job stops and names it; a RESUME without the right stops it again; with
// the right it goes on.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import type { Random } from './random.ts'

const withinMs = 90_000

export interface LoseSelectOptions {
  readonly server: TestServer
  readonly database: string
  readonly random: Random
  readonly owner: string
  readonly id: string
  readonly tables: readonly string[]
}

export async function loseSelect({ server, database, random, owner, id, tables }: LoseSelectOptions): Promise<void> {
  const table = random.pick(tables.map((name) => [1, name] as const))
  const done = (what: string, sql: string): Promise<true> =>
    until(what, withinMs, () =>
      server.sql(`SET default_transaction_read_only = off; ${sql}`, database).then(
        () => true as const,
        () => undefined,
      ),
    )
  const stopped = (): Promise<string> =>
    until('a job without SELECT stops', withinMs, async () => {
      const [row] = await server
        .sql(`SELECT status, error FROM crdb_internal.jobs WHERE job_id = ${id}`)
        .catch(() => [])
      return row?.['status'] === 'paused' ? String(row['error']) : undefined
    })
  await done('SELECT is revoked', `REVOKE SELECT ON ${table} FROM ${owner}`)
  assert.match(await stopped(), new RegExp(`^user ${owner} .*SELECT`))
  if (random.chance(0.5)) {
    await done('the job is resumed', `RESUME JOB ${id}`)
    assert.match(await stopped(), new RegExp(`^user ${owner} .*SELECT`))
  }
  await delay(random.int(500))
  await done('SELECT is granted', `GRANT SELECT ON ${table} TO ${owner}`)
  await done('the job is resumed', `RESUME JOB ${id}`)
}
