// changefeed start: the server of a PostgreSQL that somebody else has started, as its superuser.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { until } from '../support/until.ts'
import { startAttached, type Attached } from './attached.ts'

const withinMs = 20_000

// On 14 and 15, a sub-select in FROM needs an alias.
for (const version of [14, 18] as const) {
  let attached: Attached
  const sql = (text: string): Promise<Record<string, unknown>[]> => attached.server.sql(text)
  const createJob = async (): Promise<string> =>
    String((await sql(`CREATE CHANGEFEED FOR t INTO 'null://'`)).at(-1)?.['job_id'])

  before(async () => {
    attached = await startAttached({ version })
    await sql('CREATE TABLE t (id int PRIMARY KEY, v text)')
  })
  after(() => attached.server[Symbol.asyncDispose]())

  test(`${version}: a changefeed on the connection has the rows of the scan and those that follow`, async () => {
    await sql("INSERT INTO t VALUES (1, 'a')")
    await using feed = await SinklessFeed.open(attached.server, 'EXPERIMENTAL CHANGEFEED FOR t')
    await until('the scan', withinMs, () => (feed.messages.length > 0 ? true : undefined))
    await sql("UPDATE t SET v = 'b'")
    await until('the change', withinMs, () => (feed.messages.length > 1 ? true : undefined))
    assert.deepEqual(
      feed.messages.map(({ value }) => value),
      ['{"after": {"id": 1, "v": "a"}}', '{"after": {"id": 1, "v": "b"}}'],
    )
  })

  test(`${version}: jobs are rows of the schema changefeed_state, and SHOW JOBS lists them in every form`, async () => {
    const id = await createJob()
    assert.deepEqual(await attached.postgres.sql('SELECT job_id::text FROM changefeed_state.jobs', 'app'), [[id]])
    const statements = [
      'SHOW JOBS',
      `SHOW JOB ${id}`,
      `SHOW JOBS SELECT ${id}::int8`,
      'SELECT * FROM [SHOW JOBS]',
      'WITH j AS (SHOW JOBS) SELECT * FROM j',
      `SHOW JOBS SELECT job_id FROM [SHOW JOBS] WHERE description LIKE '%TABLE t %'`,
    ]
    for (const statement of statements) {
      const rows = await sql(statement)
      assert.deepEqual(
        rows.map((row) => [row['job_id'], row['status']]),
        [[id, 'running']],
        statement,
      )
    }
    assert.deepEqual(await sql('SHOW AUTOMATIC JOBS'), [])
    assert.deepEqual(await sql('SELECT count(*)::int FROM [SHOW QUERIES] WHERE false'), [{ count: 0 }])
    await sql(`CANCEL JOBS SELECT job_id FROM [SHOW JOBS] WHERE status = 'running'`)
  })

  test(`${version}: a prepared statement shows the jobs of the moment, also in binary, in a transaction and by a cursor`, async () => {
    const id = await createJob()
    const client = await attached.server.connect()
    try {
      const shown = async (name: string, text: string, values: unknown[] = []): Promise<unknown> => {
        const query = { name, text, values, rowMode: 'array' as const }
        return (await client.query(query)).rows
      }
      const ofJob = 'SELECT status FROM [SHOW JOBS] WHERE job_id = $1'
      assert.deepEqual(await shown('job', ofJob, [id]), [['running']])
      assert.deepEqual(await shown('show', `SELECT status FROM [SHOW JOB ${id}]`), [['running']])
      await sql(`PAUSE JOB ${id}`)
      assert.deepEqual(await shown('job', ofJob, [id]), [['paused']])
      assert.deepEqual(await shown('show', `SELECT status FROM [SHOW JOB ${id}]`), [['paused']])
      await client.query('BEGIN')
      await client.query(`DECLARE c CURSOR FOR ${ofJob.replace('$1', id)}`)
      assert.deepEqual((await client.query('FETCH ALL FROM c')).rows, [{ status: 'paused' }])
      assert.deepEqual(await shown('job', ofJob, [id]), [['paused']])
      await client.query('COMMIT')
      const binary = { text: `SHOW JOB ${id}`, binary: true, rowMode: 'array' } as pg.QueryArrayConfig
      const [row] = (await client.query(binary)).rows
      assert.equal(String(row?.[0]), id)
      await sql(`CANCEL JOB ${id}`)
    } finally {
      await client.end()
    }
  })

  test(`${version}: SHOW JOB WHEN COMPLETE answers when the job has ended, and ends with its client`, async () => {
    const id = await createJob()
    const waiting = await attached.server.connect()
    const answered = waiting.query({ text: 'SHOW JOB WHEN COMPLETE $1', values: [id] })
    const leaving = await attached.server.connect()
    const cut = leaving.query(`SHOW JOBS WHEN COMPLETE SELECT ${id}::int8`).catch((error: Error) => error)
    const shown = async (): Promise<number> =>
      (await sql(`SELECT query FROM [SHOW QUERIES] WHERE query LIKE 'SHOW JOB% WHEN COMPLETE%'`)).length
    await until('both wait', withinMs, async () => ((await shown()) === 2 ? true : undefined))
    const { stream } = (leaving as unknown as { connection: { stream: { destroy(): void } } }).connection
    stream.destroy()
    assert.ok((await cut) instanceof Error)
    await until('one is over', withinMs, async () => ((await shown()) === 1 ? true : undefined))
    await sql(`CANCEL JOB ${id}`)
    const { rows } = await answered
    assert.deepEqual(
      rows.map((row) => [row.job_id, row.status]),
      [[id, 'canceled']],
    )
    const [same] = await sql(`SHOW JOB ${id}`)
    assert.deepEqual(rows[0], same)
    await waiting.end()
    await assert.rejects(sql(`SELECT * FROM [SHOW JOB WHEN COMPLETE ${id}]`), /cannot stand in a SELECT here/)
  })
}
