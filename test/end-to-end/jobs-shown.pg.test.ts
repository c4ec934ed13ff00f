// What SHOW JOBS says and hides, and which statements make no job.

import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { nullJobs } from '../feed/null-jobs.ts'
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

const { create } = nullJobs(() => server)

test('no secret is shown: not by SHOW JOBS, not by SHOW QUERIES, not in an error, not in the log', async () => {
  const secrets = ['hunter1', 'hunter2', 'hunter3', 'hunter4']
  // It takes connections and says nothing, so that the statement is still under way.
  const silent = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  const { port } = silent.address() as AddressInfo
  const text = `CREATE CHANGEFEED FOR t INTO 'kafka://127.0.0.1:${port}?tls_enabled=true&sasl_enabled=true&sasl_user=me&sasl%5Fpassword=hunter2' WITH extra_headers = '{"token": "hunter3"}'`
  const client = await server.connect()
  let said: string | undefined
  const ended = client.query(text).then(
    () => assert.fail('it was accepted'),
    (error: Error) => (said = error.message),
  )
  try {
    const query = await until('SHOW QUERIES shows it', withinMs, async () => {
      assert.equal(said, undefined)
      const rows = await server.sql(`SELECT query_id, query FROM [SHOW QUERIES] WHERE query LIKE 'CREATE CHANGEFEED%'`)
      return rows[0]
    })
    assert.equal(
      query['query'],
      `CREATE CHANGEFEED FOR t INTO 'kafka://127.0.0.1:${port}?tls_enabled=true&sasl_enabled=true&sasl_user=me&sasl%5Fpassword=redacted' WITH extra_headers = 'redacted'`,
    )
    await server.sql('CREATE ROLE mallory LOGIN')
    const mallory = await server.connect('defaultdb', 'mallory')
    try {
      const { rows } = await mallory.query(`SELECT query FROM [SHOW QUERIES] WHERE query LIKE 'CREATE CHANGEFEED%'`)
      assert.deepEqual(rows, [])
      await assert.rejects(
        mallory.query(`CANCEL QUERY '${String(query['query_id'])}'`),
        /user mallory may not cancel the queries of user root/,
      )
    } finally {
      await mallory.end()
    }
    await server.sql(`CANCEL QUERIES SELECT query_id FROM [SHOW QUERIES] WHERE query LIKE 'CREATE CHANGEFEED%'`)
    const startedAt = performance.now()
    assert.equal(await ended, 'query execution canceled')
    assert.ok(performance.now() - startedAt < 5000, 'a broker that says nothing held the statement')
  } finally {
    silent.close()
  }
  const messages = [await ended]
  await client.end()

  const [row] = await server.sql(
    `CREATE CHANGEFEED FOR t INTO 'null://me:hun/hunter4@sink' WITH extra_headers = '{"token": "hunter3"}'`,
  )
  const shown = await server.sql(`SELECT * FROM crdb_internal.jobs WHERE job_id = ${String(row?.['job_id'])}`)
  assert.equal(
    shown[0]?.['description'],
    "CREATE CHANGEFEED FOR TABLE t INTO 'null://redacted@sink' WITH OPTIONS (extra_headers = 'redacted')",
  )
  await server.sql(`CANCEL JOB ${String(row?.['job_id'])}`)
  for (const uri of [
    'me:hunter1@h',
    'kafka//me:hunter1@h',
    'kafak://me:hunter1@h',
    'kafka://me:hunter1@h:1?sasl_pasword=hunter2',
  ])
    messages.push(
      await server.sql(`CREATE CHANGEFEED FOR t INTO '${uri}'`).then(
        () => 'accepted',
        (error: Error) => error.message,
      ),
    )
  for (const headers of ['hunter3', '"hunter3"', '["hunter3"]'])
    messages.push(
      await server.sql(`CREATE CHANGEFEED FOR t INTO 'null://' WITH extra_headers = '${headers}'`).then(
        () => 'accepted',
        (error: Error) => error.message,
      ),
    )
  assert.deepEqual(
    messages.filter((message) => message === 'accepted'),
    [],
  )
  const logs = join(server.storeDir, 'logs')
  const files = existsSync(logs) ? readdirSync(logs).map((file) => readFileSync(join(logs, file), 'utf8')) : []
  for (const secret of secrets) {
    for (const said of [...messages, ...files, server.output, JSON.stringify(shown)])
      assert.ok(!said.includes(secret), said)
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
  assert.equal(shown?.['description'], "CREATE CHANGEFEED FOR TABLE t INTO 'null:'")
  await server.sql('CREATE DATABASE elsewhere')
  const [inner] = await server.sql(`SELECT * from crdb_internal.jobs WHERE job_id = ${id}`, 'elsewhere')
  assert.deepEqual(Object.keys(inner ?? {}).slice(-3), ['high_water_timestamp', 'error', 'coordinator_id'])
  assert.deepEqual(await server.sql('SHOW AUTOMATIC JOBS'), [])
  await server.sql(`CANCEL JOB ${id}`)
})

test('SHOW JOBS has what runs first, by its start, then what ended in the last twelve hours, by its end', async () => {
  const ids = [await create(), await create(), await create(), await create()]
  await server.sql(`CANCEL JOB ${ids[2]}`)
  await server.sql(`CANCEL JOB ${ids[0]}`)
  const shown = async (sql: string): Promise<string[]> =>
    (await server.sql(sql)).flatMap(({ job_id }) => (ids.includes(String(job_id)) ? [String(job_id)] : []))
  assert.deepEqual(await shown('SHOW JOBS'), [ids[1], ids[3], ids[2], ids[0]])
  const wind = `UPDATE changefeed.jobs SET finished = finished - interval '12 hours 1 minute' WHERE job_id = ${ids[2]}`
  await server.sql(wind, 'system')
  assert.deepEqual(await shown('SHOW JOBS'), [ids[1], ids[3], ids[0]])
  assert.deepEqual(await shown(`SHOW JOBS (${ids.join(', ')})`), [ids[1], ids[3], ids[2], ids[0]])
  assert.deepEqual(await shown(`SELECT job_id FROM crdb_internal.jobs WHERE job_id = ${ids[2]}`), [ids[2]])
  await server.sql(`CANCEL JOBS ${ids.join(', ')}`)
})

test('a statement that is refused when its tables are watched has announced nothing', async () => {
  await server.sql('CREATE TABLE announced (id INT PRIMARY KEY, v TEXT)')
  const client = await server.connect()
  const notices: string[] = []
  client.on('notice', ({ message }) => notices.push(message ?? ''))
  // Before the table was watched, and so long ago that a statement that succeeds is told so.
  const cursor = (BigInt(Date.now()) - 6n * 3_600_000n) * 1_000_000n
  const refused = /cursor \d+\.0{10} is older than the GC threshold/
  try {
    for (const statement of [
      `EXPERIMENTAL CHANGEFEED FOR announced WITH resolved = '100ms', cursor = '${cursor}'`,
      `CREATE CHANGEFEED FOR announced INTO 'null://' WITH resolved = '100ms', cursor = '${cursor}'`,
    ]) {
      await assert.rejects(client.query(statement), refused)
      assert.deepEqual(notices, [])
    }
    const [row] = (
      await client.query<{ job_id: string }>(
        "CREATE CHANGEFEED FOR announced INTO 'null://' WITH resolved = '100ms', min_checkpoint_frequency = '0s'",
      )
    ).rows
    assert.deepEqual(notices, [
      "the 'resolved' timestamp interval (100ms) is very low; consider increasing it to at least 500ms",
      "the 'min_checkpoint_frequency' timestamp interval (0s) is very low; consider increasing it to at least 500ms",
    ])
    await client.query(`CANCEL JOB ${row?.job_id}`)
  } finally {
    await client.end()
  }
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
      (error: Error & { readonly hint?: string }) => {
        assert.match(error.message, /cannot run inside a transaction block/)
        assert.equal(error.hint, 'COMMIT or ROLLBACK first, or connect with autocommit')
        return true
      },
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
