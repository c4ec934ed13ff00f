import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { parseHlc } from '../../src/core/hlc.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

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

test('a scan that ends the feed is a job that succeeds; WHEN COMPLETE waits for it', async () => {
  const id = await create("WITH initial_scan = 'only'")
  const [row] = await server.sql(`SHOW JOB WHEN COMPLETE ${id}`)
  assert.equal(row?.['status'], 'succeeded')
  assert.notEqual(row?.['finished'], null)
})

test('WHEN COMPLETE waits no longer than its client', async () => {
  const id = await create()
  const client = await server.connect()
  const waiting = client.query('SHOW JOBS WHEN COMPLETE (SELECT $1::int8)', [id]).catch(() => undefined)
  const count = async (): Promise<unknown> =>
    (
      await server.sql(
        `SELECT count(*) AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%jobs_when_complete(%' AND pid <> pg_backend_pid()`,
      )
    )[0]?.['n']
  await until('it waits', withinMs, async () => ((await count()) === '1' ? true : undefined))
  ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  await waiting
  await until('it has ended', withinMs, async () => ((await count()) === '0' ? true : undefined))
  await server.sql(`CANCEL JOB ${id}`)
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
  assert.equal(
    paused.running_status,
    `job failed ("gone" was truncated) but is being paused because of on_error=pause; RESUME JOB would stop here again: CANCEL JOB ${pausing}, then CREATE CHANGEFEED anew, without cursor`,
  )
  const metrics = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
  assert.match(metrics, /^changefeed_failures 1$/m)
  await server.sql(`CANCEL JOB ${pausing}`)
})

test('a table that is dropped ends its jobs, also before the scan; a database with jobs is not dropped', async () => {
  await server.sql('CREATE TABLE left_behind (id INT PRIMARY KEY)')
  const running = await create('', 'left_behind')
  await until('it runs', withinMs, async () => ((await job(running)).high_water_timestamp === null ? undefined : true))
  const early = await create('', 'left_behind')
  await server.sql('DROP TABLE left_behind')
  assert.equal((await reaches(running, 'failed')).error, '"left_behind" was dropped')
  assert.match((await reaches(early, 'failed')).error, /dropped/)

  await server.sql('CREATE DATABASE doomed')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)', 'doomed')
  const inside = await create('', 'doomed.t')
  await assert.rejects(server.sql('DROP DATABASE doomed'), (error: pg.DatabaseError) => {
    assert.match(error.message, /database "doomed" is used by a changefeed/)
    assert.equal(error.hint, `CANCEL JOBS ${inside}`)
    return true
  })
  assert.equal((await job(inside)).status, 'running')
  await server.sql(`CANCEL JOBS ${inside}`)
  await server.sql('DROP DATABASE doomed')
  assert.equal((await job(inside)).status, 'canceled')
})

test('a source that refuses is tried again, and the job is behind meanwhile', async () => {
  await server.sql('CREATE DATABASE closed')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)', 'closed')
  const id = await create(often, 'closed.t')
  await until('it runs', withinMs, async () => ((await job(id)).high_water_timestamp === null ? undefined : true))
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
  }
  const retries = await metric('changefeed_error_retries')
  await server.sql(`PAUSE JOB ${id}`)
  // Nobody can connect to it, so a feed cannot start.
  await server.sql('ALTER DATABASE closed ALLOW_CONNECTIONS false')
  await server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'closed'`)
  await server.sql(`RESUME JOB ${id}`)
  const { high_water_timestamp: before, status } = await job(id)
  assert.equal(status, 'running')
  await until('it falls behind', withinMs, async () =>
    (await metric('changefeed_max_behind_nanos')) > 2e9 ? true : undefined,
  )
  assert.ok((await metric('changefeed_running')) >= 1)
  await server.sql('ALTER DATABASE closed ALLOW_CONNECTIONS true')
  await until('it goes on', withinMs, async () => {
    const now = await job(id)
    assert.equal(now.status, 'running')
    return Number(now.high_water_timestamp) > Number(before) + 2e9 ? true : undefined
  })
  assert.ok((await metric('changefeed_error_retries')) > retries)
  await server.sql(`CANCEL JOB ${id}`)
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

test('a statement that is refused when its tables are watched has announced nothing', async () => {
  await server.sql('CREATE TABLE announced (id INT PRIMARY KEY, v STRING)')
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

test('a job whose changes are gone from the changelog says so when it is resumed, and what to do', async () => {
  await server.sql('CREATE TABLE lost_place (id INT PRIMARY KEY)')
  const id = await create("WITH on_error = 'pause', min_checkpoint_frequency = '0s'", 'lost_place')
  await until('it has come somewhere', withinMs, async () =>
    (await job(id)).high_water_timestamp === null ? undefined : true,
  )
  await server.sql(`PAUSE JOB ${id}`)
  const { high_water_timestamp: place } = await job(id)
  await server.kill()
  rmSync(join(server.storeDir, 'changelog'), { recursive: true })
  await server.restart()
  await server.sql(`RESUME JOB ${id}`)
  const stopped = await until('it has stopped', withinMs, async () => {
    const row = await job(id)
    return row.status === 'paused' && row.error !== '' ? row : undefined
  })
  const error = `the changes after ${place}, where the job stopped, are not in the changelog any more: changefeed.changelog.retention or changefeed.changelog.max_size removed them, or somebody removed its files`
  assert.equal(stopped.error, error)
  assert.equal(
    stopped.running_status,
    `job failed (${error}) but is being paused because of on_error=pause; RESUME JOB would stop here again: CANCEL JOB ${id}, then CREATE CHANGEFEED anew, without cursor`,
  )
  await server.sql(`CANCEL JOB ${id}`)
})
