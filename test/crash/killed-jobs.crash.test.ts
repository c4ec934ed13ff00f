// kill -9 at random moments of CREATE, PAUSE, RESUME and CANCEL: what a job's row says afterwards is what the job does.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

const kills = Number(process.env['JOB_KILLS'] ?? 3)
const withinMs = 30_000
const longestMs = 400

interface JobRow {
  readonly id: string
  readonly status: string
  readonly highWater: number
}

async function jobs(server: TestServer): Promise<readonly JobRow[]> {
  const rows = await server.sql(
    `SELECT job_id::text AS id, status, coalesce(high_water_timestamp, 0)::float8 AS "highWater" FROM crdb_internal.jobs`,
  )
  return rows as unknown as readonly JobRow[]
}

/** Makes, pauses, resumes and cancels jobs until the server is gone. */
async function busy(server: TestServer, n: number): Promise<void> {
  try {
    const client = await server.connect()
    for (let i = 0; ; i++) {
      const { rows } = await client.query<{ job_id: string }>(
        `CREATE CHANGEFEED FOR t INTO 'null://' WITH min_checkpoint_frequency = '0s', resolved${(n + i) % 2 === 0 ? ', no_initial_scan' : ''}`,
      )
      const id = rows[0]?.job_id
      for (const verb of ['PAUSE', 'RESUME', 'PAUSE', 'RESUME', (n + i) % 3 === 0 ? 'CANCEL' : 'PAUSE'])
        await client.query(`${verb} JOB ${id}`)
    }
  } catch {
    // The server was killed, or a job was not in a state for the verb.
  }
}

test(
  'killed at any moment of the statements of a job, it runs afterwards when it says so, and rests when it says so',
  {
    timeout: 180_000 + kills * 60_000,
  },
  async () => {
    await using server = await TestServer.start()
    await server.sql('CREATE TABLE t (id INT PRIMARY KEY)')
    await server.sql('INSERT INTO t VALUES (1), (2), (3)')
    for (let kill = 1; kill <= kills; kill++) {
      const working = [busy(server, kill), busy(server, kill + 1)]
      // The kill comes at a random moment.
      await delay(Math.random() * longestMs)
      await server.kill()
      await Promise.all(working)
      await server.restart()
      const [now] = await server.sql('SELECT extract(epoch FROM clock_timestamp())::float8 * 1e9 AS now')
      const restartedAt = Number(now?.['now'])
      const all = await until('every job is what it says', withinMs, async () => {
        const rows = await jobs(server)
        const isSettled = ({ status, highWater }: JobRow): boolean =>
          status === 'running' ? highWater > restartedAt : ['paused', 'canceled', 'succeeded'].includes(status)
        return rows.every(isSettled) ? rows : undefined
      }).catch(async (error: unknown) => assert.fail(`${String(error)} ${JSON.stringify(await jobs(server))}`))
      const resting = all.filter(({ status }) => status === 'paused')
      for (const { id, highWater } of resting) {
        const later = (await jobs(server)).find((row) => row.id === id)
        assert.deepEqual(later, { id, status: 'paused', highWater })
      }
      const unfinished = all.filter(({ status }) => status === 'running' || status === 'paused').map(({ id }) => id)
      if (unfinished.length > 0) await server.sql(`CANCEL JOBS ${unfinished.join(', ')}`)
    }
  },
)
