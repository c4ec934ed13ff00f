import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parseHlc } from '../../src/core/hlc.ts'
import { TestServer, until } from '../server/test-server.ts'

const withinMs = 20_000
let server: TestServer
before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY, v STRING)')
  await server.sql("INSERT INTO t SELECT i, 'value' FROM generate_series(1, 1000) i")
})
after(() => server[Symbol.asyncDispose]())

interface JobRow {
  readonly job_id: string
  readonly status: string
  readonly running_status: string | null
  readonly high_water_timestamp: string | null
  readonly error: string
}

async function job(id: string): Promise<JobRow> {
  const [row] = await server.sql(`SELECT * FROM crdb_internal.jobs WHERE job_id = ${id}`)
  assert.ok(row)
  return row as unknown as JobRow
}

async function create(options = '', table = 't'): Promise<string> {
  const [row] = await server.sql(`CREATE CHANGEFEED FOR TABLE ${table} INTO 'null://' ${options}`)
  return String(row?.['job_id'])
}

async function reaches(id: string, status: string): Promise<JobRow> {
  return until(`job ${id} is ${status}`, withinMs, async () => {
    const row = await job(id)
    return row.status === status ? row : undefined
  })
}

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
  await assert.rejects(server.sql(`RESUME JOB ${id}`), /job \d+ with status canceled cannot be resumed/)
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

test('the queries of the page work, from any database', async () => {
  const id = await create()
  const [shown] = await server.sql(
    "SELECT * FROM [SHOW JOBS] WHERE job_type='CHANGEFEED' AND status = 'running'",
    'postgres',
  )
  assert.deepEqual(Object.keys(shown ?? {}), [
    'job_id',
    'job_type',
    'description',
    'statement',
    'user_name',
    'status',
    'running_status',
    'created',
    'started',
    'finished',
    'modified',
    'fraction_completed',
    'error',
    'coordinator_id',
  ])
  assert.equal(shown?.['description'], "CREATE CHANGEFEED FOR TABLE t INTO 'null://'")
  await server.sql('CREATE DATABASE elsewhere')
  const [inner] = await server.sql(`SELECT * from crdb_internal.jobs WHERE job_id = ${id}`, 'elsewhere')
  assert.deepEqual(Object.keys(inner ?? {}).slice(-3), ['high_water_timestamp', 'error', 'coordinator_id'])
  assert.deepEqual(await server.sql('SHOW AUTOMATIC JOBS'), [])
  await server.sql(`CANCEL JOB ${id}`)
})

test('a scan that ends the feed is a job that succeeds; WHEN COMPLETE waits for it', async () => {
  const id = await create("WITH initial_scan = 'only'")
  const [row] = await server.sql(`SHOW JOB WHEN COMPLETE ${id}`)
  assert.equal(row?.['status'], 'succeeded')
  assert.notEqual(row?.['finished'], null)
})

test('the end time ends the job, and is its high-water mark', async () => {
  const [now] = await server.sql('SELECT (cluster_logical_timestamp() + 300000000)::text AS later')
  const endTime = parseHlc(String(now?.['later']))
  assert.ok(endTime)
  const id = await create(`WITH end_time = '${String(now?.['later'])}', no_initial_scan`)
  const row = await reaches(id, 'succeeded')
  assert.equal(row.high_water_timestamp, String(now?.['later']))
})

test('a terminal error fails the job, or pauses it when on_error says so', async () => {
  await server.sql('CREATE TABLE gone (id INT PRIMARY KEY)')
  const failing = await create('', 'gone')
  const pausing = await create("WITH on_error = 'pause'", 'gone')
  await until('both run', withinMs, async () =>
    (await job(failing)).high_water_timestamp !== null && (await job(pausing)).high_water_timestamp !== null
      ? true
      : undefined,
  )
  await server.sql('TRUNCATE TABLE gone')
  assert.equal((await reaches(failing, 'failed')).error, '"gone" was truncated')
  const paused = await reaches(pausing, 'paused')
  assert.equal(paused.running_status, 'job failed ("gone" was truncated) but is being paused because of on_error=pause')
  const metrics = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
  assert.match(metrics, /^changefeed_failures 1$/m)
  await server.sql(`CANCEL JOB ${pausing}`)
})

test('jobs come back by themselves after kill -9, and stay paused when they were', async () => {
  const runs = await create(often)
  const rests = await create(often)
  await until('both have begun', withinMs, async () =>
    (await job(runs)).high_water_timestamp !== null && (await job(rests)).high_water_timestamp !== null
      ? true
      : undefined,
  )
  await server.sql(`PAUSE JOB ${rests}`)
  const before = await job(runs)
  await server.kill()
  await server.restart()
  await until('the high-water mark moves on', withinMs, async () => {
    const now = await job(runs)
    assert.equal(now.status, 'running')
    return Number(now.high_water_timestamp) > Number(before.high_water_timestamp) ? true : undefined
  })
  assert.equal((await job(rests)).status, 'paused')
  await server.sql(`CANCEL JOBS ${runs}, ${rests}`)
})

test('what cannot be a job is refused, and makes none', async () => {
  const count = async (): Promise<unknown> =>
    (await server.sql('SELECT count(*) AS n FROM crdb_internal.jobs'))[0]?.['n']
  const before = await count()
  await assert.rejects(
    server.sql("CREATE CHANGEFEED FOR TABLE nothing INTO 'null://'"),
    /table "nothing" does not exist/,
  )
  await assert.rejects(
    server.sql("CREATE CHANGEFEED FOR TABLE t INTO 'null://?a=b'"),
    /unknown null sink query parameters: \[a\]/,
  )
  const client = await server.connect()
  try {
    await client.query('BEGIN')
    await assert.rejects(
      client.query("CREATE CHANGEFEED FOR TABLE t INTO 'null://'"),
      /cannot run inside a transaction block/,
    )
    await client.query('ROLLBACK')
  } finally {
    await client.end()
  }
  await assert.rejects(server.sql("PAUSE JOB 'x'"), /could not parse "x" as type int/)
  await assert.rejects(server.sql('PAUSE JOB 42'), /job with ID 42 does not exist/)
  await assert.rejects(server.sql('SHOW JOB'), /syntax error at end of input/)
  assert.equal(await count(), before)
})
