// An initial scan whose rows are encoded in several threads: what it emits is what one thread would emit.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

const rows = 60_000

let server: TestServer
before(async () => {
  Object.assign(process.env, { CHANGEFEED_TEST_SPLIT_SCANS: '1' })
  server = await TestServer.start({ flags: ['--log-level=info'] })
  await server.sql('CREATE TABLE t (a INT PRIMARY KEY, b TEXT, c NUMERIC, d JSONB)')
  await server.sql(
    `INSERT INTO t SELECT i, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN E'tab\\there' WHEN 2 THEN E'back\\\\slash' ELSE 'ä' || i END,
       i / 7.0, jsonb_build_object('i', i) FROM generate_series(1, ${rows}) AS i`,
  )
  // A row that is larger than what is read at once.
  await server.sql(`INSERT INTO t VALUES (0, repeat('x', 2000000), 1, '[]')`)
})
after(() => server[Symbol.asyncDispose]())

test('each row comes once, as its table has it', { timeout: 300_000 }, async () => {
  const sql = `EXPERIMENTAL CHANGEFEED FOR t WITH updated, mvcc_timestamp, resolved`
  await using feed = await SinklessFeed.open(server, sql)
  await feed.row(rows + 1)
  await feed.resolvedPast(zeroHlc)
  const got = new Map<string, string>()
  for (const { key, value } of feed.rows) got.set(key, value)
  assert.equal(feed.rows.length, rows + 1)
  assert.equal(got.size, rows + 1)
  const expected = await server.sql('SELECT a::int4, b, c::float8 AS c, d FROM t')
  for (const { a, b, c, d } of expected) {
    const { after: row } = JSON.parse(got.get(`[${a}]`) ?? '{}') as { after: Record<string, unknown> }
    assert.deepEqual({ ...row, c: Number(row['c']) }, { a, b, c, d })
  }
})

test('the log says of a job that its scan is split', { timeout: 180_000 }, async () => {
  await server.sql(`CREATE CHANGEFEED FOR t INTO 'null://' WITH initial_scan = 'only'`)
  await until('the line', 30_000, () => {
    const log = readFileSync(join(server.storeDir, 'logs', 'changefeed.log'), 'utf8')
    return /the rows of the scan \(\d+ pages\) are encoded in [2-9]\d* threads/.test(log) || undefined
  })
})

test('changes that are made during the scan come after it, each in its order', { timeout: 400_000 }, async () => {
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t WITH updated, resolved')
  for (let i = 1; i <= 50; i++) await server.sql(`UPDATE t SET b = 'now ${i}' WHERE a % 10000 = ${i % 3}`)
  await server.sql(`INSERT INTO t VALUES (${rows + 1}, 'last', 0, 'null')`)
  await until('the last row', 90_000, () => feed.rows.at(-1)?.key === `[${rows + 1}]` || undefined)
  assert.deepEqual(feed.failures, [])
  const last = new Map(feed.rows.map(({ key, value }) => [key, value]))
  for (const { a, b } of await server.sql('SELECT a::int4, b FROM t WHERE a % 10000 < 3')) {
    const { after: row } = JSON.parse(last.get(`[${a}]`) ?? '{}') as { after: Record<string, unknown> }
    assert.equal(row['b'], b)
  }
})
