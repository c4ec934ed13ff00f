// Rows that a transaction changes before it changes their table: all of the transaction has one time, at which the table has
// its new columns.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { unseen } from '../support/unseen.ts'
import { TestServer } from '../server/test-server.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

interface Case {
  readonly name: string
  /** Instead of a table with the rows [1] and [2], whose v are 1 and 2. */
  readonly table?: string
  /** After BEGIN. */
  readonly sql: string
  /** Of the transaction, in any order. */
  readonly messages: readonly string[]
}

const cases: readonly Case[] = [
  {
    name: 'have no column that is dropped',
    sql: `UPDATE t SET v = 7 WHERE a = 1; INSERT INTO t VALUES (3, 3, 'c'); DELETE FROM t WHERE a = 2; ALTER TABLE t DROP COLUMN v`,
    messages: ['[1]->{"after": {"a": 1, "w": "w"}}', '[3]->{"after": {"a": 3, "w": "c"}}', '[2]->{"after": null}'],
  },
  {
    name: 'have the columns that are added, with what rows have that are older',
    sql: `UPDATE t SET v = 7 WHERE a = 1; ALTER TABLE t ADD COLUMN x TEXT DEFAULT 'é, "', ADD COLUMN y INT, ADD COLUMN z INT NOT NULL DEFAULT 8; INSERT INTO t (a) VALUES (3)`,
    messages: [
      '[1]->{"after": {"a": 1, "v": 7, "w": "w", "x": "é, \\"", "y": null, "z": 8}}',
      '[3]->{"after": {"a": 3, "v": null, "w": null, "x": "é, \\"", "y": null, "z": 8}}',
    ],
  },
  {
    name: 'have the names that columns get',
    sql: 'UPDATE t SET v = 7 WHERE a = 1; ALTER TABLE t RENAME v TO x; ALTER TABLE t RENAME w TO v; ALTER TABLE t RENAME a TO id; DELETE FROM t WHERE id = 2',
    messages: ['[1]->{"after": {"id": 1, "v": "w", "x": 7}}', '[2]->{"after": null}'],
  },
  {
    name: 'pass through all changes of the transaction',
    sql: `UPDATE t SET v = 7 WHERE a = 1; ALTER TABLE t ADD COLUMN x INT DEFAULT 5; UPDATE t SET x = 6 WHERE a = 2; ALTER TABLE t RENAME x TO y; ALTER TABLE t DROP COLUMN w; INSERT INTO t VALUES (3, 3, 3)`,
    messages: [
      '[1]->{"after": {"a": 1, "v": 7, "y": 5}}',
      '[2]->{"after": {"a": 2, "v": 2, "y": 6}}',
      '[3]->{"after": {"a": 3, "v": 3, "y": 3}}',
    ],
  },
  {
    name: 'have no column that was only there for a while',
    sql: 'ALTER TABLE t ADD COLUMN x INT DEFAULT 5; UPDATE t SET v = 7 WHERE a = 1; ALTER TABLE t DROP COLUMN x',
    messages: ['[1]->{"after": {"a": 1, "v": 7, "w": "w"}}'],
  },
  {
    name: 'have NULL in a column that is dropped and added again under its name',
    sql: 'UPDATE t SET v = 7 WHERE a = 1; ALTER TABLE t DROP COLUMN v, ADD COLUMN v INT',
    messages: ['[1]->{"after": {"a": 1, "v": null, "w": "w"}}'],
  },
  {
    name: 'are as they were where a DDL is rolled back',
    sql: 'UPDATE t SET v = 7 WHERE a = 1; SAVEPOINT s; ALTER TABLE t DROP COLUMN v; UPDATE t SET w = 1::text; ROLLBACK TO s; UPDATE t SET v = 8 WHERE a = 2',
    messages: ['[1]->{"after": {"a": 1, "v": 7, "w": "w"}}', '[2]->{"after": {"a": 2, "v": 8, "w": "w"}}'],
  },
  {
    name: 'keep a text that may be longer from then on',
    table: 'CREATE TABLE t (a INT PRIMARY KEY, v VARCHAR(10)[]); INSERT INTO t VALUES (1, NULL)',
    sql: `UPDATE t SET v = '{a,b}'; ALTER TABLE t ALTER v TYPE TEXT[]`,
    messages: ['[1]->{"after": {"a": 1, "v": ["a", "b"]}}'],
  },
  {
    name: 'have out-of-line values that were not changed',
    table: `CREATE TABLE t (a INT PRIMARY KEY, v TEXT, w INT); ALTER TABLE t ALTER v SET STORAGE EXTERNAL; INSERT INTO t VALUES (1, repeat('v', 3000), 1)`,
    sql: 'UPDATE t SET w = 2; ALTER TABLE t ADD COLUMN x INT DEFAULT 5; ALTER TABLE t RENAME v TO y',
    messages: [`[1]->{"after": {"a": 1, "w": 2, "x": 5, "y": "${'v'.repeat(3000)}"}}`],
  },
  {
    name: 'keep the key that they had when they are deleted, and have the key that the table gets otherwise',
    sql: 'UPDATE t SET v = 7 WHERE a = 1; DELETE FROM t WHERE a = 2; ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (v)',
    messages: ['[7]->{"after": {"a": 1, "v": 7, "w": "w"}}', '[2]->{"after": null}'],
  },
  {
    name: 'are printed as they were logged if all rows are written anew and not read again',
    sql: 'UPDATE t SET v = 7 WHERE a = 1; ALTER TABLE t ALTER v TYPE TEXT USING v * 100; UPDATE t SET w = 1::text WHERE a = 2',
    messages: ['[1]->{"after": {"a": 1, "v": 7, "w": "w"}}', '[2]->{"after": {"a": 2, "v": "200", "w": "1"}}'],
  },
]

const usual = `CREATE TABLE t (a INT PRIMARY KEY, v INT, w TEXT); INSERT INTO t VALUES (1, 1, 'w'), (2, 2, 'w')`

/** Returns the messages of the transaction, without those of rows that only make it long. */
async function said({ table = usual, sql }: Case, rows: number, options: string): Promise<readonly string[]> {
  await server.sql(`DROP TABLE IF EXISTS t, last; CREATE TABLE last (a INT PRIMARY KEY); ${table}`)
  await using feed = await SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR t, last WITH resolved = '100ms', initial_scan = 'no', ${options}`,
  )
  await feed.resolvedPast(zeroHlc)
  const fill = `INSERT INTO t (a) SELECT 100 + i FROM generate_series(1, ${rows}) AS i`
  await server.sql(`BEGIN; ${rows === 0 ? '' : `${fill};`} ${sql}; COMMIT`)
  await server.sql('INSERT INTO last VALUES (1)')
  for (let count = rows; feed.rows.at(-1)?.topic !== 'last'; count++) await feed.row(count + 1)
  return feed.rows
    .filter(({ key, topic }) => topic === 't' && !/^\[\d{3,}\]/.test(key))
    .map(({ key, value }) => `${key}->${value}`)
}

for (const one of cases) {
  for (const [size, rows] of [
    ['in one block', 0],
    ['over many blocks', 20_000],
  ] as const) {
    // With another key the rows that make the transaction long have no key.
    if (rows > 0 && one.sql.includes('PRIMARY KEY')) continue
    test(`rows before a DDL of their transaction ${one.name} (${size})`, { timeout: 180_000 }, async () => {
      const messages = await said(one, rows, 'schema_change_policy = nobackfill')
      assert.deepEqual(messages.toSorted(), one.messages.toSorted())
    })
  }
}

test('rows before all rows are written anew are only emitted as they are then, if all rows are read again', async () => {
  for (const rows of [0, 20_000]) {
    const sql = `UPDATE t SET v = 7 WHERE a = 1; DELETE FROM t WHERE a = 2; INSERT INTO t VALUES (3, 3); ALTER TABLE t ALTER v TYPE TEXT USING v * 100; INSERT INTO t VALUES (4, 4)`
    const messages = await said({ name: '', sql, messages: [] }, rows, 'schema_change_policy = backfill')
    assert.deepEqual(
      new Set(messages),
      new Set([
        '[1]->{"after": {"a": 1, "v": "700", "w": "w"}}',
        '[3]->{"after": {"a": 3, "v": "300", "w": null}}',
        '[4]->{"after": {"a": 4, "v": "4", "w": null}}',
        '[2]->{"after": null}',
      ]),
    )
  }
})

test('a row that is deleted, comes back under its key, and is written anew with all others is emitted as it is then', async () => {
  const sql = `DELETE FROM t WHERE a = 1; INSERT INTO t VALUES (1, 8); DELETE FROM t WHERE a = 2; INSERT INTO t VALUES (3, 3); UPDATE t SET a = 2 WHERE a = 3; ALTER TABLE t ALTER v TYPE TEXT USING v * 100`
  const messages = await said({ name: '', sql, messages: [] }, 0, 'schema_change_policy = backfill')
  assert.deepEqual(messages.toSorted(), [
    '[1]->{"after": {"a": 1, "v": "800", "w": null}}',
    '[2]->{"after": {"a": 2, "v": "300", "w": null}}',
  ])
})

test('before a row that is changed before a DDL of its transaction are its columns of then', async () => {
  const sql = `UPDATE t SET v = 7 WHERE a = 1; UPDATE t SET v = 8 WHERE a = 1; DELETE FROM t WHERE a = 2; ALTER TABLE t DROP COLUMN v, ADD COLUMN x INT DEFAULT 5`
  assert.deepEqual(await said({ name: '', sql, messages: [] }, 0, 'schema_change_policy = nobackfill, diff'), [
    '[1]->{"after": {"a": 1, "w": "w", "x": 5}, "before": {"a": 1, "v": 1, "w": "w"}}',
    '[2]->{"after": null, "before": {"a": 2, "v": 2, "w": "w"}}',
  ])
})

test('rows that the transaction of a backfill has written come once, and what was before them is exact', async () => {
  const sql = `UPDATE t SET v = 7 WHERE a = 1; INSERT INTO t VALUES (3, 3); ALTER TABLE t ADD COLUMN x INT DEFAULT 5; INSERT INTO t VALUES (4, 4)`
  assert.deepEqual(await said({ name: '', sql, messages: [] }, 0, 'diff'), [
    '[2]->{"after": {"a": 2, "v": 2, "w": "w", "x": 5}, "before": {"a": 2, "v": 2, "w": "w"}}',
    '[1]->{"after": {"a": 1, "v": 7, "w": "w", "x": 5}, "before": {"a": 1, "v": 1, "w": "w"}}',
    '[3]->{"after": {"a": 3, "v": 3, "w": null, "x": 5}, "before": null}',
    '[4]->{"after": {"a": 4, "v": 4, "w": null, "x": 5}, "before": null}',
  ])
})

test('what was before rows that are read again is exact, also if their transaction wrote them', async () => {
  const sql = `UPDATE t SET v = 7 WHERE a = 1; UPDATE t SET v = 8 WHERE a = 1; INSERT INTO t VALUES (3, 3); DELETE FROM t WHERE a = 2; INSERT INTO t VALUES (2, 9); ALTER TABLE t ALTER v TYPE TEXT USING v * 100`
  const messages = await said({ name: '', sql, messages: [] }, 0, 'diff')
  assert.deepEqual(messages.toSorted(), [
    '[1]->{"after": {"a": 1, "v": "800", "w": "w"}, "before": {"a": 1, "v": 1, "w": "w"}}',
    '[2]->{"after": {"a": 2, "v": "900", "w": null}, "before": {"a": 2, "v": 2, "w": "w"}}',
    '[3]->{"after": {"a": 3, "v": "300", "w": null}, "before": null}',
  ])
})

/** What a feed emits that follows these statements afterwards. */
async function saidLater(sql: string, table = usual): Promise<readonly string[]> {
  await server.sql(`DROP TABLE IF EXISTS t, last; CREATE TABLE last (a INT PRIMARY KEY); ${table}`)
  await using earlier = await SinklessFeed.open(
    server,
    "CREATE CHANGEFEED FOR t, last WITH resolved, initial_scan = 'no'",
  )
  const cursor = formatHlc(await earlier.resolvedPast(zeroHlc))
  for (const statements of sql.split(' THEN ')) await server.sql(statements)
  await server.sql('INSERT INTO last VALUES (1)')
  await using feed = await SinklessFeed.open(server, `CREATE CHANGEFEED FOR t, last WITH cursor = '${cursor}'`)
  for (let count = 1; feed.rows.at(-1)?.topic !== 'last'; count++) await feed.row(count)
  return feed.rows.filter(({ topic }) => topic === 't').map(({ key, value }) => `${key}->${value}`)
}

const rewrite = `BEGIN; UPDATE t SET v = 7 WHERE a = 1; ALTER TABLE t ALTER v TYPE TEXT USING v * 100; COMMIT`

test('a row of which only the logged values are known is not lost when a later change takes the others away', async () => {
  assert.deepEqual(await saidLater(`${rewrite} THEN ALTER TABLE t DROP COLUMN v`), [
    '[1]->{"after": {"a": 1, "v": 7, "w": "w"}}',
    '[1]->{"after": {"a": 1, "w": "w"}}',
    '[2]->{"after": {"a": 2, "w": "w"}}',
  ])
})

test('a row of which only the logged values are known is not lost when it has changed before it is read', async () => {
  // Of a table without texts only keys are logged.
  const numbers = 'CREATE TABLE t (a INT PRIMARY KEY, v INT, w INT); INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)'
  const sql = rewrite.replace('TEXT', 'NUMERIC(9, 1)')
  assert.deepEqual(await saidLater(`${sql} THEN UPDATE t SET w = 9 WHERE a = 1`, numbers), [
    '[2]->{"after": {"a": 2, "v": 200.0, "w": 2}}',
    '[1]->{"after": {"a": 1, "v": 7, "w": 1}}',
    '[1]->{"after": {"a": 1, "v": 700.0, "w": 9}}',
  ])
})

test('a schema change that no event trigger has seen counts together with the next one that is seen', async () => {
  await server.sql(`DROP TABLE IF EXISTS t; ${usual}`)
  await using feed = await SinklessFeed.open(
    server,
    "EXPERIMENTAL CHANGEFEED FOR t WITH initial_scan = 'no', resolved = '100ms'",
  )
  await feed.resolvedPast(zeroHlc)
  await server.sql(unseen('ALTER TABLE t ADD COLUMN x INT DEFAULT 5'))
  await server.sql('ALTER TABLE t ADD COLUMN y INT')
  await feed.row(2)
  assert.deepEqual(
    feed.rows.map(({ value }) => value),
    [
      '{"after": {"a": 1, "v": 1, "w": "w", "x": 5, "y": null}}',
      '{"after": {"a": 2, "v": 2, "w": "w", "x": 5, "y": null}}',
    ],
  )
})
