// The rows that a schema change has left, emitted by a feed that comes to the change after much else has happened.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

interface Late {
  readonly table: string
  /** Makes the table and its first rows. */
  readonly start: readonly string[]
  /** Makes the schema change. The rows that it leaves are copied. */
  readonly change: string
  /** What happens afterwards. The last statement inserts the row with the key 999. */
  readonly later: readonly string[]
  readonly options?: string
}

interface Found {
  /** The rows with the time of the schema change, before anything later, by key. */
  readonly rows: ReadonlyMap<string, unknown>
  /** The copy of the rows, by the first column. */
  readonly copy: ReadonlyMap<string, unknown>
  readonly notices: readonly string[]
}

async function comeLate({ table, start, change, later, options = '' }: Late): Promise<Found> {
  for (const sql of start) await server.sql(sql)
  let cursor: string
  {
    await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${table} WITH resolved`)
    cursor = formatHlc(await feed.resolvedPast(zeroHlc))
  }
  await server.sql(change)
  await server.sql(`CREATE TABLE copy_of_${table} AS SELECT * FROM ${table}`)
  for (const sql of later) await server.sql(sql)
  await using feed = await SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR ${table} WITH updated, cursor = '${cursor}'${options}`,
  )
  const first = /"updated": "[^"]*"/.exec((await feed.row(1))[0]?.value ?? '')?.[0] ?? assert.fail()
  const rows = new Map<string, unknown>()
  for (let i = 0; rows.size >= i; i++) {
    const { key, value } = (await feed.row(i + 1))[i] ?? assert.fail()
    if (!value.includes(first)) break
    const { after: row, before: old } = JSON.parse(value) as { readonly after: unknown; readonly before?: unknown }
    rows.set(key, old === undefined ? row : { after: row, before: old })
  }
  const copied = await server.sql(`SELECT row_to_json(copied)::text AS row FROM copy_of_${table} AS copied`)
  const copy = new Map(
    copied.map(({ row }) => {
      const values = JSON.parse(String(row)) as Record<string, unknown>
      return [`[${JSON.stringify(Object.values(values)[0])}]`, values]
    }),
  )
  return { rows, copy, notices: feed.notices }
}

function sorted(rows: ReadonlyMap<string, unknown>): unknown {
  return [...rows].toSorted(([a], [b]) => a.localeCompare(b))
}

const long = `(SELECT string_agg(md5(i::text || s::text), '') FROM generate_series(1, 300) AS s)`

test('every row comes as it was, whatever has happened to it since', { timeout: 300_000 }, async () => {
  const { rows, copy } = await comeLate({
    table: 't',
    start: [
      `CREATE TYPE mood AS ENUM ('good', 'bad')`,
      `CREATE TYPE pair AS (x INT, y TEXT)`,
      `CREATE TABLE t (a INT PRIMARY KEY, b TEXT, m mood, p pair, l INT[])`,
      `INSERT INTO t SELECT i, ${long}, 'good', ROW(i, 'y')::pair, ARRAY[i, NULL] FROM generate_series(1, 60) AS i`,
      `INSERT INTO t SELECT i, NULL, NULL, NULL, NULL FROM generate_series(61, 80) AS i`,
    ],
    change: `ALTER TABLE t ADD COLUMN c INT DEFAULT 7`,
    later: [
      // Values that are stored out of line are left alone, changed, and deleted.
      'UPDATE t SET c = c + 1 WHERE a <= 10',
      `UPDATE t SET b = 'short' WHERE a BETWEEN 11 AND 20`,
      'DELETE FROM t WHERE a BETWEEN 21 AND 30; INSERT INTO t (a, c) VALUES (21, 1)',
      'UPDATE t SET a = a + 1000 WHERE a BETWEEN 31 AND 40; UPDATE t SET c = 0 WHERE a > 1000',
      'ALTER TABLE t RENAME COLUMN b TO bee',
      'ALTER TABLE t RENAME TO t_other; ALTER TABLE t_other RENAME TO t',
      'UPDATE t SET m = NULL, p = NULL, l = NULL WHERE a BETWEEN 41 AND 50',
      `ALTER TABLE t ADD COLUMN d TEXT; ALTER TABLE t ADD COLUMN e INT NOT NULL DEFAULT 4`,
      'UPDATE t SET e = 5, d = NULL WHERE a BETWEEN 51 AND 70',
      'VACUUM FULL t',
      `INSERT INTO t (a) VALUES (999)`,
    ],
  })
  assert.equal(copy.size, 80)
  assert.deepEqual(sorted(rows), sorted(copy))
})

test(
  'rows whose old values are not in the log are left to their next version, and no other',
  { timeout: 300_000 },
  async () => {
    const { rows, copy } = await comeLate({
      table: 'u',
      start: [
        'CREATE TABLE u (a INT PRIMARY KEY, b INT NOT NULL)',
        'INSERT INTO u SELECT i, i FROM generate_series(1, 60) AS i',
      ],
      change: 'ALTER TABLE u ADD COLUMN c INT DEFAULT 7',
      later: [
        'UPDATE u SET b = -b WHERE a <= 10',
        'DELETE FROM u WHERE a BETWEEN 11 AND 20',
        'UPDATE u SET a = a + 1000 WHERE a BETWEEN 21 AND 30',
        // Rows are known by another key for a while, by one that they did not have, and by the first one again.
        'ALTER TABLE u DROP CONSTRAINT u_pkey, ADD PRIMARY KEY (b)',
        'UPDATE u SET c = 1 WHERE a BETWEEN 31 AND 35',
        'ALTER TABLE u ADD COLUMN k INT NOT NULL DEFAULT 0',
        'ALTER TABLE u DROP CONSTRAINT u_pkey, ADD PRIMARY KEY (k, b)',
        'UPDATE u SET c = 2 WHERE a BETWEEN 36 AND 40',
        'ALTER TABLE u DROP CONSTRAINT u_pkey, ADD PRIMARY KEY (a)',
        'UPDATE u SET c = 3 WHERE a BETWEEN 39 AND 45',
        'INSERT INTO u (a, b) VALUES (999, 999)',
      ],
    })
    const unchanged = new Map([...copy].filter(([key]) => Number(/\d+/.exec(key)?.[0]) > 45))
    assert.equal(unchanged.size, 15)
    assert.deepEqual(sorted(rows), sorted(unchanged))
  },
)

test('rows of a DEFERRABLE key come as they were, or with their next version', { timeout: 300_000 }, async () => {
  const { rows, copy } = await comeLate({
    table: 'v',
    start: [
      'CREATE TABLE v (a INT, b TEXT, PRIMARY KEY (a) DEFERRABLE INITIALLY DEFERRED)',
      `INSERT INTO v SELECT i, 'x' || i::text FROM generate_series(1, 40) AS i`,
    ],
    change: `ALTER TABLE v ADD COLUMN c INT DEFAULT 7`,
    later: [
      'UPDATE v SET a = 21 - a WHERE a <= 20',
      'UPDATE v SET c = 8 WHERE a <= 25',
      'INSERT INTO v (a) VALUES (999)',
    ],
  })
  for (const [key, row] of rows) assert.deepEqual(row, copy.get(key), key)
  for (const [key, row] of copy) if (Number(/\d+/.exec(key)?.[0]) > 20) assert.deepEqual(rows.get(key), row, key)
})

test('before has the columns of the old schema whose values are there', { timeout: 300_000 }, async () => {
  const { rows } = await comeLate({
    table: 'w',
    start: [`CREATE TABLE w (a INT PRIMARY KEY, b TEXT, gone INT)`, `INSERT INTO w VALUES (1, 'one', 2), (2, NULL, 3)`],
    change:
      'BEGIN; ALTER TABLE w DROP COLUMN gone; ALTER TABLE w RENAME b TO bee; ALTER TABLE w ADD COLUMN c INT DEFAULT 7; COMMIT',
    later: ['UPDATE w SET c = 8 WHERE a = 2', 'INSERT INTO w VALUES (999)'],
    options: ', diff',
  })
  assert.deepEqual(Object.fromEntries(rows), {
    '[1]': { after: { a: 1, bee: 'one', c: 7 }, before: { a: 1, b: 'one' } },
    '[2]': { after: { a: 2, bee: null, c: 7 }, before: { a: 2, b: null } },
  })
})

test(
  'a table is left out where a later change has taken values away, and is read as of that one',
  { timeout: 300_000 },
  async () => {
    const { rows, notices } = await comeLate({
      table: 'x',
      start: ['CREATE TABLE x (a INT PRIMARY KEY, b INT)', 'INSERT INTO x VALUES (1, 1), (2, 2)'],
      change: 'ALTER TABLE x ADD COLUMN c INT DEFAULT 7',
      later: ['ALTER TABLE x DROP COLUMN b', 'INSERT INTO x VALUES (999)'],
    })
    assert.deepEqual(Object.fromEntries(rows), { '[1]': { a: 1, c: 7 }, '[2]': { a: 2, c: 7 } })
    assert.match(
      notices.join(),
      /is leaving out the rows that table "x" had at [\d.]+: a schema change at [\d.]+ has changed them all/,
    )
  },
)
