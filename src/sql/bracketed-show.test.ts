import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import type { Statement } from './ast.ts'
import { expandShows, readSql } from './sql.ts'

const show = (statement: Statement): string => `SELECT '${statement.tag}'`

function sent(sql: string, dialect = false): string {
  const [piece, ...others] = readSql(sql, { dialect, show }) ?? []
  assert.equal(others.length, 0)
  if (piece?.tag === 'error') throw piece.error
  return piece?.sql ?? sql
}

test('a SHOW in brackets is a sub-select', () => {
  const table: [string, string][] = [
    ['SELECT * FROM [SHOW JOBS]', `SELECT * FROM (SELECT 'show-jobs') AS "show 1"`],
    ['SELECT * FROM[ /* c */ show\n/* d */ jobs ] AS j', "SELECT * FROM(SELECT 'show-jobs') AS j"],
    ['SELECT * FROM t JOIN [SHOW JOBS] j USING (a)', "SELECT * FROM t JOIN (SELECT 'show-jobs') j USING (a)"],
    ["SELECT 'é😀' FROM t, [SHOW TABLES] j", "SELECT 'é😀' FROM t, (SELECT 'show-tables') j"],
    [
      'SELECT * FROM [SHOW QUERIES] a, [SHOW CLUSTER SETTINGS] b',
      "SELECT * FROM (SELECT 'show-queries') a, (SELECT 'show-cluster-settings') b",
    ],
    ['CREATE TABLE t AS SELECT * FROM [SHOW JOBS]', `CREATE TABLE t AS SELECT * FROM (SELECT 'show-jobs') AS "show 1"`],
    ['SELECT * FROM [SHOW JOBS SELECT a FROM [SHOW JOBS]]', `SELECT * FROM (SELECT 'show-jobs') AS "show 1"`],
    [
      'SELECT * FROM [SHOW JOBS] WHERE a IN (SELECT b FROM [SHOW QUERIES])',
      `SELECT * FROM (SELECT 'show-jobs') AS "show 1" WHERE a IN (SELECT b FROM (SELECT 'show-queries') AS "show 2")`,
    ],
    [
      'SELECT * FROM [SHOW JOBS] LEFT JOIN [SHOW QUERIES] USING (a)',
      `SELECT * FROM (SELECT 'show-jobs') AS "show 1" LEFT JOIN (SELECT 'show-queries') AS "show 2" USING (a)`,
    ],
    ['SELECT * FROM [SHOW JOBS] jobs', "SELECT * FROM (SELECT 'show-jobs') jobs"],
  ]
  for (const [typed, expected] of table) assert.equal(sent(typed, true), expected)
  const ofDialect = 'SELECT * FROM [SHOW TABLES]'
  assert.equal(sent(ofDialect), ofDialect)
})

test('a SHOW in a common table expression is its query', () => {
  assert.equal(sent('WITH x AS (SHOW JOBS) SELECT * FROM x'), "WITH x AS (SELECT 'show-jobs') SELECT * FROM x")
  assert.equal(
    sent('WITH x (a) AS NOT MATERIALIZED (SHOW JOBS), y AS (SHOW DATABASES) SELECT 1', true),
    "WITH x (a) AS NOT MATERIALIZED (SELECT 'show-jobs'), y AS (SELECT 'show-databases') SELECT 1",
  )
})

test('other brackets stay as typed', () => {
  const table = [
    'SELECT a[show] FROM show',
    'SELECT ARRAY[[1], [show]]',
    'SELECT ARRAY[1, show]',
    'SELECT * FROM [SHOW server_version]',
    'SELECT * FROM [SHOW JOBS',
    'SELECT \'[SHOW JOBS]\', "[SHOW JOBS]" -- FROM [SHOW JOBS]',
    'SELECT * FROM f(show)',
  ]
  for (const sql of table) assert.equal(sent(sql), sql)
})

test("CockroachDB's types around it are translated, and none inside its answer", () => {
  const options = { dialect: true, show: () => 'SELECT a::int' }
  const typed = "SELECT 'é'::STRING FROM [SHOW JOBS], [SHOW TABLES] WHERE b::BYTES = 1"
  const [piece] = readSql(`SELECT 1; ${typed}`, options) ?? []
  assert.equal(
    piece?.sql,
    `SELECT 1; SELECT 'é'::text FROM (SELECT a::int) AS "show 1", (SELECT a::int) AS "show 2" WHERE b::bytea = 1`,
  )
})

test('a malformed one is an error with its place in the whole query string', () => {
  const sql = "SELECT '😀'; SELECT * FROM [SHOW JOBS WHEN nothing]"
  const [first, second] = readSql(sql, { dialect: false, show }) ?? []
  assert.deepEqual([first?.tag, second?.tag], ['forward', 'error'])
  assert.ok(second?.tag === 'error' && second.error instanceof FeedError)
  const { position = 0 } = second.error
  assert.ok(
    Array.from(sql)
      .slice(position - 1)
      .join('')
      .startsWith('nothing]'),
  )
})

test('a part of a statement is expanded by itself', () => {
  const select = 'SELECT a::STRING FROM [SHOW JOBS]'
  assert.equal(expandShows(select, show), `SELECT a::STRING FROM (SELECT 'show-jobs') AS "show 1"`)
  assert.equal(expandShows(select, show, true), `SELECT a::text FROM (SELECT 'show-jobs') AS "show 1"`)
  assert.equal(expandShows('(SELECT a::BYTES FROM t)', show, true), '(SELECT a::bytea FROM t)')
  assert.equal(expandShows('SELECT 1 -- [SHOW JOBS]', show), 'SELECT 1 -- [SHOW JOBS]')
  assert.throws(
    () => expandShows('SELECT 1 FROM [SHOW JOBS WHEN nothing]', show),
    (error) => error instanceof FeedError && error.sqlstate === '42601' && error.position === undefined,
  )
})
