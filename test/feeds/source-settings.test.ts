// What somebody sets for a database or its encoding does not reach a changefeed.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SinklessFeed } from '../feed/test-feed.ts'
import { TestServer } from '../server/test-server.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

const hostile = [
  "DateStyle = 'German'",
  "IntervalStyle = 'sql_standard'",
  "TimeZone = 'Asia/Tokyo'",
  "extra_float_digits = '-5'",
  "bytea_output = 'escape'",
  "xmlbinary = 'hex'",
  "quote_all_identifiers = 'on'",
  "transaction_timeout = '700ms'",
  "statement_timeout = '20s'",
  "idle_session_timeout = '700ms'",
  "idle_in_transaction_session_timeout = '700ms'",
  "default_transaction_isolation = 'serializable'",
  "standard_conforming_strings = 'off'",
]

test('settings of a database change no byte of a feed, and do not end it', async () => {
  await server.sql('CREATE DATABASE hostile')
  await server.sql(
    `CREATE TABLE t (id INT PRIMARY KEY, at timestamptz, d date, i interval, f float8, b bytea, r regclass);
     CREATE TABLE large (id INT PRIMARY KEY, t text);
     INSERT INTO t VALUES (1, '2026-01-02 03:04:05Z', '2026-02-01', '1 day 2:00', 0.1 + 0.2::float8, '\\x00ff', 'pg_class');
     INSERT INTO large SELECT g, repeat('x', 200) FROM generate_series(1, 100000) g`,
    'hostile',
  )
  const texts: (readonly string[])[] = []
  for (const settings of [[], hostile]) {
    for (const setting of settings) await server.sql(`ALTER DATABASE hostile SET ${setting}`)
    await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t, large', { database: 'hostile' })
    await feed.row(100_001)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await server.sql('SET standard_conforming_strings = on; SET transaction_timeout = 0; UPDATE t SET d = d', 'hostile')
    const rows = await feed.row(100_002)
    assert.equal(feed.error, undefined)
    texts.push(feed.texts.filter((text) => text.startsWith('t:')))
    assert.equal(rows.length, 100_002)
  }
  assert.deepEqual(texts[1], texts[0])
})

test('in a SQL_ASCII database a byte that is no UTF-8 is the replacement character, in scans, changes and keys', async () => {
  await server.sql(
    "CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'",
  )
  const sql = (text: string): Promise<unknown> => server.sql(text, 'bytes')
  await sql(`CREATE TABLE clean (id int PRIMARY KEY); CREATE TABLE dirty (id text PRIMARY KEY, t text)`)
  await sql(`INSERT INTO clean VALUES (1); INSERT INTO dirty VALUES (E'sc\\xe9', E'caf\\xe9 au')`)
  const options = { database: 'bytes' }
  await using feed = await SinklessFeed.open(
    server,
    "EXPERIMENTAL CHANGEFEED FOR clean, dirty WITH resolved = '1s'",
    options,
  )
  await feed.row(2)
  await sql(`INSERT INTO dirty VALUES (E'k\\xe9', E'caf\\xe9')`)
  await sql('INSERT INTO clean VALUES (2)')
  await feed.row(4)
  assert.deepEqual([...feed.texts].sort(), [
    'clean: [1]->{"after": {"id": 1}}',
    'clean: [2]->{"after": {"id": 2}}',
    'dirty: ["k\\ufffd"]->{"after": {"id": "k\\ufffd", "t": "caf\\ufffd"}}',
    'dirty: ["sc\\ufffd"]->{"after": {"id": "sc\\ufffd", "t": "caf\\ufffd au"}}',
  ])
  assert.ok(!feed.notices.some((notice) => /cannot be read/.test(notice)))
})
