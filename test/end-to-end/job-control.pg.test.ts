// PAUSE, RESUME and CANCEL of jobs: which jobs they name, who may, and what they answer.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { nullJobs } from '../feed/null-jobs.ts'
import type { JobRow } from '../feed/test-job.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

const withinMs = 20_000

let server: TestServer
before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY, v TEXT)')
  await server.sql("INSERT INTO t SELECT i, 'value' FROM generate_series(1, 1000) i")
})
after(() => server[Symbol.asyncDispose]())

const { job, create } = nullJobs(() => server)

const often = "WITH min_checkpoint_frequency = '0s'"

test('a job runs, is paused, goes on and is cancelled', async () => {
  const id = await create(often)
  assert.match(id, /^\d{18,19}$/)
  const row = await until('the high-water mark is there', withinMs, async () => {
    const found = await job(id)
    return found.high_water_timestamp === null ? undefined : found
  })
  assert.equal(row.status, 'running')
  assert.match(row.high_water_timestamp ?? '', /^\d{19}\.\d{10}$/)
  assert.match(row.running_status ?? '', /^running: resolved=\d{10}\.\d{9},\d+$/)

  await server.sql(`PAUSE JOB ${id}`)
  const paused = await job(id)
  assert.equal(paused.status, 'paused')
  await server.sql(`PAUSE JOB ${id}`)
  await server.sql(`RESUME JOB ${id}`)
  await until('the high-water mark moves on', withinMs, async () => {
    const now = await job(id)
    return Number(now.high_water_timestamp) > Number(paused.high_water_timestamp) ? true : undefined
  })
  await server.sql(`CANCEL JOB ${id}`)
  assert.equal((await job(id)).status, 'canceled')
  await server.sql(`CANCEL JOB ${id}`)
  const { high_water_timestamp: reached } = await job(id)
  await assert.rejects(server.sql(`RESUME JOB ${id}`), {
    message: `job ${id} with status canceled cannot be resumed`,
    hint: `a new changefeed goes on where it ended: CREATE CHANGEFEED … WITH cursor = '${reached}'; without cursor if a table was truncated or dropped since then`,
  })
  await assert.rejects(server.sql(`PAUSE JOB ${id}`), /with status canceled cannot be requested to be paused/)
})

test('jobs are named by an id, a list, a placeholder or a query', async () => {
  const ids = [await create(), await create(), await create()]
  const client = await server.connect()
  try {
    const one = await client.query('PAUSE JOB $1', [ids[0]])
    assert.equal(one.command, 'PAUSE')
    assert.equal((await job(ids[0] ?? '')).status, 'paused')
    await client.query(`PAUSE JOBS ${ids[1]}, ${ids[2]}`)
    assert.deepEqual(await Promise.all(ids.map(async (id) => (await job(id)).status)), ['paused', 'paused', 'paused'])
    await client.query(`RESUME JOBS (SELECT job_id FROM [SHOW JOBS] WHERE status = 'paused')`)
    assert.deepEqual(await Promise.all(ids.map(async (id) => (await job(id)).status)), [
      'running',
      'running',
      'running',
    ])
    await client.query(`CANCEL JOBS WITH x AS (SHOW JOBS) SELECT job_id FROM x WHERE job_id IN (${ids.join(', ')})`)
    assert.deepEqual(await Promise.all(ids.map(async (id) => (await job(id)).status)), Array(3).fill('canceled'))
    const shown = await client.query({ text: 'SHOW JOB $1', values: [ids[0]] })
    assert.equal((shown.rows[0] as JobRow).status, 'canceled')
  } finally {
    await client.end()
  }
})

test('a sub-select takes placeholders, and one job that refuses leaves the others as they are', async () => {
  const ids = [await create(), await create()]
  const client = await server.connect()
  const statuses = (): Promise<string[]> => Promise.all(ids.map(async (id) => (await job(id)).status))
  try {
    await client.query(
      `PAUSE JOBS (SELECT job_id FROM [SHOW JOBS] WHERE user_name = $1 AND job_id = ANY ($2::int8[]) AND description LIKE '%$9%' IS FALSE)`,
      ['root', ids],
    )
    assert.deepEqual(await statuses(), ['paused', 'paused'])
    await client.query('RESUME JOBS SELECT job_id FROM crdb_internal.jobs WHERE job_id IN ($1, $2)', ids)
    assert.deepEqual(await statuses(), ['running', 'running'])
    const refused: readonly (readonly [string, unknown[], RegExp, string])[] = [
      [`CANCEL JOBS $1, 42`, [ids[0]], /job with ID 42 does not exist/, '42704'],
      [`CANCEL JOBS ${ids.join(', ')}, 9223372036854775808`, [], /out of range for type int8/, '22003'],
      ['CANCEL JOB $1', [null], /a job id is NULL/, '22004'],
      ['CANCEL JOB $1', ['x'], /could not parse "x" as type int/, '22P02'],
      ["CANCEL JOBS (SELECT 'x')", [], /could not parse "x" as type int/, '22P02'],
      ['CANCEL JOBS (SELECT job_id, 1 FROM [SHOW JOBS])', [], /must give one column, the ids of jobs/, '42601'],
      ['CANCEL JOBS (SELECT nothing FROM [SHOW JOBS])', [], /column "nothing" does not exist/, '42703'],
      ['CANCEL JOBS FOR SCHEDULE 1', [], /schedules are not supported yet/, '0A000'],
      ['CANCEL JOBS (SELECT job_id FROM [SHOW JOBS] WHERE user_name = $1)', [], /supplies 0 parameters/, '08P01'],
    ]
    for (const [text, values, message, code] of refused) {
      await assert.rejects(client.query({ text, values, name: `refused ${text}` }), (error: pg.DatabaseError) => {
        assert.match(error.message, message)
        assert.equal(error.code, code, text)
        return true
      })
      assert.deepEqual(await statuses(), ['running', 'running'])
    }
  } finally {
    await server.sql(`CANCEL JOBS ${ids.join(', ')}`)
    await client.end()
  }
})

test('the tag counts jobs; in a transaction a WARNING says that it cannot be undone', async () => {
  const ids = [await create(), await create()]
  const client = await server.connect()
  const notices: string[] = []
  const tags: string[] = []
  client.on('notice', ({ severity, message }) => notices.push(`${severity} ${message}`))
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
  connection.on('commandComplete', ({ text }: { text: string }) => tags.push(text))
  try {
    for (const sql of [
      `PAUSE JOBS ${ids.join(', ')}, ${ids[0]}`,
      `RESUME JOBS (SELECT job_id FROM [SHOW JOBS] WHERE status = 'paused')`,
      `RESUME JOBS (SELECT job_id FROM [SHOW JOBS] WHERE status = 'paused')`,
    ])
      await client.query(sql)
    assert.deepEqual(tags.splice(0), ['PAUSE JOBS 2', 'RESUME JOBS 2', 'RESUME JOBS 0'])
    assert.deepEqual(notices, [])
    for (const sql of ['BEGIN', `CANCEL JOB ${ids[0]}`, 'ROLLBACK']) await client.query(sql)
    assert.deepEqual(notices, ['WARNING CANCEL JOB takes effect at once: a ROLLBACK will not undo it'])
    assert.equal((await job(ids[0] ?? '')).status, 'canceled')
    await client.query('BEGIN')
    await assert.rejects(client.query('CANCEL JOB 42'), /job with ID 42 does not exist/)
    await client.query('ROLLBACK')
    assert.equal(notices.length, 1, 'what was refused took no effect')
  } finally {
    await server.sql(`CANCEL JOBS ${ids.join(', ')}`)
    await client.end()
  }
})

test('jobs are seen and controlled by superusers and by who made them; they outlive their user', async () => {
  await server.sql('CREATE ROLE bob LOGIN; CREATE ROLE eve LOGIN; GRANT SELECT ON t TO bob; GRANT changefeed TO bob')
  const ofRoot = await create()
  const bob = await server.connect('defaultdb', 'bob')
  const eve = await server.connect('defaultdb', 'eve')
  let ofBob = ''
  try {
    const created = await bob.query<{ job_id: string }>(`CREATE CHANGEFEED FOR t INTO 'null://' ${often}`)
    ofBob = created.rows[0]?.job_id ?? ''
    const seen = async (client: pg.Client, sql: string): Promise<string[]> =>
      (await client.query<{ job_id: string }>(sql)).rows.map(({ job_id }) => job_id)
    for (const sql of [
      'SHOW JOBS',
      'SELECT job_id FROM crdb_internal.jobs',
      'SELECT job_id FROM crdb_internal.read_jobs()',
    ]) {
      assert.deepEqual(await seen(bob, sql), [ofBob])
      assert.deepEqual(await seen(eve, sql), [])
    }
    assert.ok((await server.sql('SHOW JOBS')).some(({ job_id }) => job_id === ofBob))
    for (const verb of ['PAUSE', 'RESUME', 'CANCEL']) {
      await assert.rejects(eve.query(`${verb} JOB ${ofBob}`), /user eve does not have privileges for job/)
      await assert.rejects(bob.query(`${verb} JOBS ${ofBob}, ${ofRoot}`), /user bob does not have privileges for job/)
    }
    await bob.query(`PAUSE JOB ${ofBob}`)
    assert.equal((await job(ofBob)).status, 'paused')
    await assert.rejects(
      bob.query(`CREATE CHANGEFEED FOR jobs_secret INTO 'null://'`),
      /table "jobs_secret" does not exist/,
    )
  } finally {
    await bob.end()
    await eve.end()
  }
  await server.sql('REVOKE ALL ON t FROM bob; DROP ROLE bob; DROP ROLE eve')
  await server.sql(`RESUME JOB ${ofBob}`)
  const { high_water_timestamp: before } = await job(ofBob)
  await until('it goes on without its user', withinMs, async () => {
    const { high_water_timestamp: now, status } = await job(ofBob)
    assert.equal(status, 'running')
    return now !== before ? true : undefined
  })
  await server.sql(`CANCEL JOBS ${ofRoot}, ${ofBob}`)
})
