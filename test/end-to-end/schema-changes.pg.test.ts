// What a changefeed does when its tables are changed, as its schema_change_policy says.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { compareHlc, formatHlc, nextHlc, prevHlc } from '../../src/core/hlc.ts'
import { nullJobs } from '../feed/null-jobs.ts'
import { hlcOf } from '../feed/test-feed.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { parseHlc } from '../support/parse-hlc.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

const withinMs = 30_000

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

const { create, job, reaches } = nullJobs(() => server)
const runs = (id: string): Promise<unknown> =>
  until('it runs', withinMs, async () => (await job(id)).high_water_timestamp ?? undefined)

test('the example of the documentation: a column with a default, and every row again with it', async () => {
  await server.sql('CREATE TABLE office_dogs (id INT PRIMARY KEY, name TEXT)')
  await server.sql("INSERT INTO office_dogs VALUES (1, 'Petee H'), (2, 'Carl'), (3, 'Ernie')")
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR office_dogs WITH envelope = row')
  await feed.row(3)
  await server.sql('ALTER TABLE office_dogs ADD COLUMN likes_treats BOOL DEFAULT TRUE')
  await feed.row(6)
  assert.deepEqual(
    feed.rows.map(({ key, value }) => `${key}\t${value}`),
    [
      '[1]\t{"id": 1, "name": "Petee H"}',
      '[2]\t{"id": 2, "name": "Carl"}',
      '[3]\t{"id": 3, "name": "Ernie"}',
      '[1]\t{"id": 1, "likes_treats": true, "name": "Petee H"}',
      '[2]\t{"id": 2, "likes_treats": true, "name": "Carl"}',
      '[3]\t{"id": 3, "likes_treats": true, "name": "Ernie"}',
    ],
  )
})

test('the time before a schema change is resolved, then its rows come with one time, then nothing below it', async () => {
  await server.sql('CREATE TABLE times (a INT PRIMARY KEY)')
  await server.sql('INSERT INTO times SELECT generate_series(1, 5)')
  await using feed = await SinklessFeed.open(
    server,
    "CREATE CHANGEFEED FOR times WITH updated, mvcc_timestamp, resolved = '1h'",
  )
  await feed.row(5)
  await server.sql('INSERT INTO times VALUES (6)')
  await server.sql('ALTER TABLE times ADD COLUMN b INT DEFAULT 7')
  await server.sql('INSERT INTO times VALUES (7)')
  await feed.row(13)
  const backfill = feed.rows.slice(6, 12)
  const updated = backfill.map(({ value }) => hlcOf(value, 'updated'))
  const [at = assert.fail()] = updated
  for (const [i, { value }] of backfill.entries()) {
    assert.match(value, /"after": \{"a": \d, "b": 7\}/)
    assert.equal(compareHlc(updated[i] ?? assert.fail(), at), 0)
    const own = /"mvcc_timestamp": "([^"]+)"/.exec(value)?.[1] ?? ''
    assert.ok(compareHlc(parseHlc(own) ?? assert.fail(own), at) < 0)
  }
  // The first resolved message is the scan's, and the interval is an hour.
  assert.equal(feed.resolved.length, 2)
  assert.equal(compareHlc(nextHlc(feed.resolved[1] ?? assert.fail()), at), 0)
})

for (const policy of ['nobackfill', 'ignore']) {
  test(`with schema_change_policy = ${policy} only new rows have the new schema, and nothing is announced`, async () => {
    const t = `t_${policy}`
    await server.sql(`CREATE TABLE ${t} (a INT PRIMARY KEY)`)
    await server.sql(`INSERT INTO ${t} VALUES (1)`)
    const options = `schema_change_policy = ${policy}, resolved = '1h'`
    await using feed = await SinklessFeed.open(server, `CREATE CHANGEFEED FOR ${t} WITH ${options}`)
    await feed.row(1)
    await server.sql(`ALTER TABLE ${t} ADD COLUMN b INT NOT NULL DEFAULT 7`)
    await server.sql(`INSERT INTO ${t} VALUES (2)`)
    await feed.row(2)
    assert.deepEqual(feed.texts, [`${t}: [1]->{"after": {"a": 1}}`, `${t}: [2]->{"after": {"a": 2, "b": 7}}`])
    assert.equal(feed.resolved.length, 1)
  })
}

test('a job that stops at a schema change fails, or is paused and never passes it, and says what to do', async () => {
  await server.sql('CREATE TABLE halting (a INT PRIMARY KEY)')
  const stops = "schema_change_policy = 'stop', min_checkpoint_frequency = '1h', resolved = '1h'"
  const failing = await create(`WITH ${stops}`, 'halting')
  const pausing = await create(`WITH ${stops}, on_error = 'pause'`, 'halting')
  await Promise.all([runs(failing), runs(pausing)])
  await server.sql('ALTER TABLE halting ADD COLUMN b INT DEFAULT 7')
  await server.sql('INSERT INTO halting VALUES (1, 1)')
  const failed = await reaches(failing, 'failed')
  const at = /^schema change occurred at (\d+\.\d{10})$/.exec(failed.error)?.[1] ?? assert.fail(failed.error)
  const before = formatHlc(prevHlc(parseHlc(at) ?? assert.fail(at)))
  assert.equal(failed.high_water_timestamp, before)
  const status = `job failed (schema change occurred at ${at}) but is being paused because of on_error=pause; RESUME JOB would stop here again: CANCEL JOB ${pausing}, then run the CREATE CHANGEFEED statement again with cursor = '${at}'`
  for (let i = 0; i < 2; i++) {
    const paused = await reaches(pausing, 'paused')
    assert.ok(paused.running_status?.startsWith(status), paused.running_status ?? '')
    assert.equal(paused.high_water_timestamp, before)
    if (i === 0) await server.sql(`RESUME JOB ${pausing}`)
  }
  await server.sql(`CANCEL JOB ${pausing}`)
  const next = await create(`WITH ${stops}, cursor = '${at}'`, 'halting')
  await runs(next)
  await server.sql(`CANCEL JOB ${next}`)
})

test('a job that has lost the rows from before a schema change does not pass it either', async () => {
  await server.sql('CREATE TABLE unscanned (a INT PRIMARY KEY, b INT)')
  await server.sql('INSERT INTO unscanned VALUES (1, 1)')
  await server.sql("SET CLUSTER SETTING changefeed.initial_scan.max_snapshot_age = '0s'")
  const client = await server.connect()
  try {
    const { rows } = await client.query<{ job_id: string }>(
      "CREATE CHANGEFEED FOR unscanned INTO 'null://' WITH schema_change_policy = 'stop'",
    )
    const id = rows[0]?.job_id ?? ''
    await client.query(`PAUSE JOB ${id}`)
    await reaches(id, 'paused')
    await client.query('UPDATE unscanned SET b = 2')
    await client.query('ALTER TABLE unscanned ALTER b TYPE TEXT')
    await client.query(`RESUME JOB ${id}`)
    const { error } = await reaches(id, 'failed')
    assert.match(error, /^schema change occurred at [\d.]+, before the initial scan was complete$/)
  } finally {
    await client.end()
    await server.sql('RESET CLUSTER SETTING changefeed.initial_scan.max_snapshot_age')
  }
})

test("initial_scan = 'only' has the rows and the columns of its statement, whatever is changed after it", async () => {
  await server.sql('CREATE TABLE once (a INT PRIMARY KEY)')
  await server.sql('INSERT INTO once SELECT generate_series(1, 1000)')
  await using feed = await SinklessFeed.open(server, "CREATE CHANGEFEED FOR once WITH initial_scan = 'only'")
  await feed.row(1)
  await server.sql('ALTER TABLE once ADD COLUMN b INT DEFAULT 7')
  await feed.ended
  assert.equal(feed.error, undefined)
  assert.equal(feed.rows.length, 1000)
  for (const { value } of feed.rows) assert.match(value, /^\{"after": \{"a": \d+\}\}$/)
})

test(
  'a second change while rows are read again is the next boundary, and writes go on meanwhile',
  { timeout: 300_000 },
  async () => {
    const rows = 30_000
    await server.sql('CREATE TABLE busy (a INT PRIMARY KEY, b TEXT, n INT)')
    await server.sql(`INSERT INTO busy SELECT i, repeat('x', 300), 0 FROM generate_series(1, ${rows}) AS i`)
    await using feed = await SinklessFeed.open(server, 'CREATE CHANGEFEED FOR busy WITH updated, resolved, diff')
    await feed.row(rows)
    const writer = await server.connect()
    let isWriting = true
    const writing = (async () => {
      for (let i = 1; isWriting; i++) {
        await writer.query(`UPDATE busy SET n = n + 1 WHERE a % 1000 = ${i % 1000}`)
        await writer.query(`DELETE FROM busy WHERE a = ${i}`)
        await writer.query(`INSERT INTO busy (a, b, n) VALUES (${rows + i}, 'new', ${i})`)
      }
    })()
    try {
      await server.sql('ALTER TABLE busy ADD COLUMN c INT DEFAULT 1')
      await until('the first comes', withinMs, () => feed.rows.at(-1)?.value.includes('"c": 1') || undefined)
      await server.sql('ALTER TABLE busy ADD COLUMN d INT DEFAULT 2')
      await until('the second comes', withinMs, () => feed.rows.at(-1)?.value.includes('"d": 2') || undefined)
    } finally {
      isWriting = false
      await writing
      await writer.end()
    }
    const [now] = await server.sql('SELECT cluster_logical_timestamp()::text AS now')
    await feed.resolvedPast(parseHlc(String(now?.['now'])) ?? assert.fail())
    const last = new Map<string, string>()
    for (const { key, value } of feed.rows) last.set(key, /"after": (\{.*?\}|null)/.exec(value)?.[1] ?? '')
    const expected = await server.sql('SELECT a, b, n, c, d FROM busy')
    const present = [...last].filter(([, value]) => value !== 'null')
    assert.equal(present.length, expected.length)
    for (const { a, b, n, c, d } of expected) {
      assert.deepEqual(JSON.parse(last.get(`[${a}]`) ?? '{}'), {
        a: Number(a),
        b,
        n: Number(n),
        c: Number(c),
        d: Number(d),
      })
    }
    assert.deepEqual(feed.failures, [])
  },
)

test('rows whose key column is dropped come again when the table has another primary key', async () => {
  await server.sql('CREATE TABLE rekeyed (a INT PRIMARY KEY, b INT NOT NULL)')
  await server.sql('INSERT INTO rekeyed VALUES (1, 10), (2, 20)')
  await using feed = await SinklessFeed.open(server, 'CREATE CHANGEFEED FOR rekeyed')
  await feed.row(2)
  await server.sql('ALTER TABLE rekeyed DROP COLUMN a')
  await server.sql('ALTER TABLE rekeyed ADD PRIMARY KEY (b)')
  await server.sql('INSERT INTO rekeyed VALUES (30)')
  await feed.row(5)
  assert.deepEqual(feed.texts.slice(2), [
    'rekeyed: [10]->{"after": {"b": 10}}',
    'rekeyed: [20]->{"after": {"b": 20}}',
    'rekeyed: [30]->{"after": {"b": 30}}',
  ])
})

test('a table that is truncated or dropped while its rows are read again ends the feed, and nothing of the change is resolved', async () => {
  for (const [statement, what] of [
    ['TRUNCATE', 'truncated'],
    ['DROP TABLE', 'dropped'],
  ] as const) {
    const t = `table_${what}`
    await server.sql(`CREATE TABLE ${t} (a INT PRIMARY KEY, b TEXT)`)
    await server.sql(`INSERT INTO ${t} SELECT i, repeat('x', 500) FROM generate_series(1, 30000) AS i`)
    await using feed = await SinklessFeed.open(server, `CREATE CHANGEFEED FOR ${t} WITH updated, resolved`)
    await feed.row(30_000)
    await server.sql(`ALTER TABLE ${t} ADD COLUMN c INT DEFAULT 1`)
    await until('the first comes', withinMs, () => feed.rows.at(-1)?.value.includes('"c": 1') || undefined)
    await server.sql(`${statement} ${t}`)
    await feed.ended
    assert.equal(feed.error?.message, `"${t}" was ${what}`)
    const at = hlcOf(feed.rows.at(-1)?.value ?? '', 'updated')
    // The rows may all have come before the statement had its lock.
    if (feed.rows.length < 60_000) assert.ok(feed.resolved.every((ts) => compareHlc(ts, at) < 0))
  }
})
