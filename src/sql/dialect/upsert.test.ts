import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDialect, sent } from '../../../test/support/read-dialect.ts'

const facts = {
  '"t"': { columns: ['id', 'a', 'B'], primaryKey: ['id'] },
  '"s"."T 2"': { columns: ['x', 'y'], primaryKey: ['x', 'y'] },
  '"nokey"': { columns: ['a'], primaryKey: [] },
}
const all = 'ON CONFLICT ("id") DO UPDATE SET "a" = excluded."a", "B" = excluded."B" '
/** In front of a word: the blank before it was typed. */
const before = ` ${all}`

async function check(table: readonly (readonly [string, string])[]): Promise<void> {
  for (const [typed, expected] of table) assert.equal(await sent(typed, facts), expected)
}

test('UPSERT replaces all columns but the key, or those it lists', async () => {
  await check([
    ['UPSERT INTO t VALUES (1, 2)', `INSERT INTO t VALUES (1, 2) ${all}`],
    [
      'upsert into t (id, a) VALUES (1, 2)',
      'INSERT into t (id, a) VALUES (1, 2) ON CONFLICT ("id") DO UPDATE SET "a" = excluded."a" ',
    ],
    ['UPSERT INTO t SELECT * FROM u WHERE (a)', `INSERT INTO t SELECT * FROM u WHERE (a) ${all}`],
    ['UPSERT INTO t DEFAULT VALUES', `INSERT INTO t DEFAULT VALUES ${all}`],
    ['UPSERT INTO T AS x VALUES (1) -- é', `INSERT INTO T AS x VALUES (1) ${all}`],
  ])
})

test('a table of nothing but its key, and a table without one', async () => {
  await check([
    [
      'UPSERT INTO s."T 2" VALUES (1, 2)',
      'INSERT INTO s."T 2" VALUES (1, 2) ON CONFLICT ("x", "y") DO UPDATE SET "x" = excluded."x" ',
    ],
    [
      'UPSERT INTO t (id) VALUES (1)',
      'INSERT INTO t (id) VALUES (1) ON CONFLICT ("id") DO UPDATE SET "id" = excluded."id" ',
    ],
    ['UPSERT INTO nokey VALUES (1)', 'INSERT INTO nokey VALUES (1)'],
    ['UPSERT INTO nosuch VALUES (1)', 'INSERT INTO nosuch VALUES (1)'],
  ])
})

test('the clause stands before a RETURNING of its own', async () => {
  await check([
    ['UPSERT INTO t VALUES (1) RETURNING id', `INSERT INTO t VALUES (1) ${before}RETURNING id`],
    [
      'UPSERT INTO t SELECT (WITH x AS (DELETE FROM u RETURNING *) SELECT 1) RETURNING id',
      `INSERT INTO t SELECT (WITH x AS (DELETE FROM u RETURNING *) SELECT 1) ${before}RETURNING id`,
    ],
  ])
})

test('it stands below EXPLAIN, PREPARE and WITH, more than once too', async () => {
  await check([
    ['EXPLAIN ANALYZE UPSERT INTO t VALUES (1)', `EXPLAIN ANALYZE INSERT INTO t VALUES (1) ${all}`],
    ['PREPARE p AS UPSERT INTO t VALUES ($1)', `PREPARE p AS INSERT INTO t VALUES ($1) ${all}`],
    ['WITH x AS (SELECT 1) UPSERT INTO t SELECT * FROM x', `WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x ${all}`],
    [
      'WITH x AS (UPSERT INTO t VALUES (1)), y AS (UPSERT INTO t VALUES (2) RETURNING *) SELECT * FROM y',
      `WITH x AS (INSERT INTO t VALUES (1) ${all}), y AS (INSERT INTO t VALUES (2) ${before}RETURNING *) SELECT * FROM y`,
    ],
  ])
})

test('types in it are translated too, and SHOWs', async () => {
  await check([
    ["UPSERT INTO t VALUES ('é'::STRING, 1::BYTES)", `INSERT INTO t VALUES ('é'::text, 1::bytea) ${all}`],
    ['UPSERT INTO t SELECT a::STRING FROM [SHOW JOBS] x', `INSERT INTO t SELECT a::text FROM (SELECT 1) x ${all}`],
  ])
})

test('an UPSERT that does not parse goes as an INSERT: PostgreSQL says why', async () => {
  await check([
    ['UPSERT INTO t VALUES', 'INSERT INTO t VALUES'],
    ['UPSERT INTO t VALUES (1) ON CONFLICT DO NOTHING', 'INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING'],
  ])
})

test('a name like it stays', () => {
  for (const sql of [
    'SELECT upsert FROM t',
    'SELECT a AS upsert INTO u FROM t',
    'SELECT $$UPSERT INTO t$$',
    'SELECT upsert(1)',
  ]) {
    assert.equal(readDialect(sql), undefined, sql)
  }
})
