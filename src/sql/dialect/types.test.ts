import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sent } from '../../../test/support/read-dialect.ts'
import { applySplices } from '../splices.ts'
import { readSql } from '../sql.ts'
import { mayChangeTypes } from './type-facts.ts'

/** Each pair is a statement as typed and as sent. */
async function check(table: readonly (readonly [string, string])[]): Promise<void> {
  for (const [typed, expected] of table) assert.equal(await sent(typed), expected)
}

async function checkSame(table: readonly string[]): Promise<void> {
  await check(table.map((sql) => [sql, sql]))
}

test('STRING, BYTES and INT are types in the columns of a table', async () => {
  await check([
    [
      'CREATE TABLE t (a STRING PRIMARY KEY, b Bytes, c INT, d int NOT NULL, f STRING(10), g string[], h INT[])',
      'CREATE TABLE t (a text PRIMARY KEY, b bytea, c int8, d int8 NOT NULL, f varchar(10), g text[], h int8[])',
    ],
    ['CREATE UNLOGGED TABLE IF NOT EXISTS s.t (a INT)', 'CREATE UNLOGGED TABLE IF NOT EXISTS s.t (a int8)'],
    ['CREATE TABLE t (a INT) PARTITION BY LIST (a)', 'CREATE TABLE t (a int8) PARTITION BY LIST (a)'],
    ['ALTER TABLE t ADD COLUMN a STRING, ADD b INT', 'ALTER TABLE t ADD COLUMN a text, ADD b int8'],
    ['ALTER TABLE t ALTER a TYPE int', 'ALTER TABLE t ALTER a TYPE int8'],
    ['CREATE TYPE c AS (a STRING, b INT[])', 'CREATE TYPE c AS (a text, b INT[])'],
    ['CREATE DOMAIN d AS STRING', 'CREATE DOMAIN d AS text'],
  ])
})

test('INT means 8 bytes in columns only: casts and functions are as PostgreSQL has them', async () => {
  await check([
    [
      'CREATE TABLE t (a INT DEFAULT 2::INT CHECK (a > 1::int))',
      'CREATE TABLE t (a int8 DEFAULT 2::INT CHECK (a > 1::int))',
    ],
    ['ALTER TABLE t ALTER a TYPE INT USING b::int', 'ALTER TABLE t ALTER a TYPE int8 USING b::int'],
    ['CREATE TABLE t (a STRING DEFAULT 1::int)', 'CREATE TABLE t (a text DEFAULT 1::int)'],
  ])
  await checkSame([
    "SELECT left('abc', 2::int), round(x, 2::INT), date '2020-01-01' + 1::int, true::int, CAST(1 AS INT), INT '5'",
    'SELECT * FROM f() AS t (a INT)',
    'PREPARE p (INT) AS SELECT $1',
    'CREATE FUNCTION f(INT) RETURNS SETOF int LANGUAGE sql AS $$ SELECT 1 $$',
    'CREATE DOMAIN d AS int',
    'CREATE TABLE t AS SELECT 1::int AS a',
    'CREATE FOREIGN TABLE t (a INT) SERVER s',
    'ALTER TYPE c ADD ATTRIBUTE a INT',
  ])
})

test('INTEGER and SERIAL, which dumps and object mappers write, and temporary tables stay as PostgreSQL has them', async () => {
  await checkSame([
    'CREATE TABLE t (a integer, b SERIAL PRIMARY KEY, c integer[])',
    'ALTER TABLE t ADD COLUMN a integer',
    'CREATE TEMP TABLE t (a INT)',
    'CREATE TEMPORARY TABLE t (a INT)',
    'CREATE LOCAL TEMP TABLE t (a INT)',
    'CREATE TABLE pg_temp.t (a INT)',
  ])
  await check([['CREATE TEMP TABLE t (a STRING, b INT)', 'CREATE TEMP TABLE t (a text, b INT)']])
})

test('what is asked of the session decides: its default_int_size, and types of the user', async () => {
  const typed = 'CREATE TABLE t (a INT, b INTEGER, c SERIAL, d STRING, e BYTES)'
  const table: [string, string, string, string][] = [
    ['', 'f', 'f', 'CREATE TABLE t (a int8, b INTEGER, c SERIAL, d text, e bytea)'],
    ['4', 'f', 'f', 'CREATE TABLE t (a INT, b INTEGER, c SERIAL, d text, e bytea)'],
    ['8', 'f', 'f', 'CREATE TABLE t (a int8, b int8, c bigserial, d text, e bytea)'],
    ['', 't', 'f', 'CREATE TABLE t (a int8, b INTEGER, c SERIAL, d STRING, e bytea)'],
    ['', 'f', 't', 'CREATE TABLE t (a int8, b INTEGER, c SERIAL, d text, e BYTES)'],
  ]
  for (const [size, string, bytes, expected] of table) {
    const [piece] = readSql(typed, { dialect: true, askTypes: true, show: () => '' }) ?? []
    assert.ok(piece?.tag === 'rewrite')
    assert.equal(applySplices(typed, await piece.findSplices(async () => [[size, string, bytes]])), expected)
  }
})

test('a text after which the words may mean something else is noticed', () => {
  for (const sql of [
    'CREATE DOMAIN string AS text',
    'CREATE TYPE s."bytes" AS ENUM ()',
    'ALTER TYPE a RENAME TO string',
    'CREATE TABLE IF NOT EXISTS public.string (a int)',
    'SET default_int_size = 4',
    '-c default-int-size=4',
  ])
    assert.ok(mayChangeTypes(sql), sql)
  for (const sql of ['CREATE TABLE t (a STRING, b BYTES)', "SELECT 'x'::string", 'ALTER TABLE t ADD string STRING'])
    assert.ok(!mayChangeTypes(sql), sql)
})

test('STRING and BYTES are types in casts, arrays, literals and functions too', async () => {
  await check([
    ["SELECT 'a'::STRING, CAST(1 AS BYTES)", "SELECT 'a'::text, CAST(1 AS bytea)"],
    ['SELECT a::STRING[], b::BYTES[][3], c::STRING ARRAY', 'SELECT a::text[], b::bytea[][3], c::text ARRAY'],
    ['SELECT a::string/* c */::Bytes FROM t', 'SELECT a::text/* c */::bytea FROM t'],
    ['SELECT * FROM f() AS t (a INT, b STRING)', 'SELECT * FROM f() AS t (a INT, b text)'],
    ['PREPARE p (STRING, INT) AS SELECT $1, $2', 'PREPARE p (text, INT) AS SELECT $1, $2'],
    ['CREATE VIEW v AS SELECT a::STRING FROM t', 'CREATE VIEW v AS SELECT a::text FROM t'],
    ['CREATE TABLE t AS SELECT a::STRING AS b FROM u', 'CREATE TABLE t AS SELECT a::text AS b FROM u'],
    [
      'CREATE FUNCTION f(a STRING, INT) RETURNS SETOF STRING LANGUAGE sql AS $$ SELECT $1::STRING $$',
      'CREATE FUNCTION f(a text, INT) RETURNS SETOF text LANGUAGE sql AS $$ SELECT $1::STRING $$',
    ],
    [
      'CREATE FUNCTION f() RETURNS TABLE (a STRING) BEGIN ATOMIC SELECT b::STRING FROM t; END',
      'CREATE FUNCTION f() RETURNS TABLE (a text) BEGIN ATOMIC SELECT b::text FROM t; END',
    ],
    ['DROP FUNCTION f(STRING, INT)', 'DROP FUNCTION f(text, INT)'],
    ['CREATE CAST (c AS STRING) WITHOUT FUNCTION', 'CREATE CAST (c AS text) WITHOUT FUNCTION'],
    ['CREATE CAST (STRING AS c) WITHOUT FUNCTION', 'CREATE CAST (text AS c) WITHOUT FUNCTION'],
    ["INSERT INTO t VALUES ('a'::BYTES)", "INSERT INTO t VALUES ('a'::bytea)"],
    ['COPY (SELECT a::STRING FROM t) TO STDOUT', 'COPY (SELECT a::text FROM t) TO STDOUT'],
  ])
})

test('as names they stay what they are', async () => {
  await checkSame([
    'SELECT string, bytes FROM integer_table',
    'SELECT string, t.bytes, "int" FROM string AS bytes',
    'SELECT string(1), bytes(2)',
    "SELECT 'int', E'string', $$bytes$$ -- int\n, /* string */ 1",
    'SELECT a::"string", b::"int", c::public.string',
    'CREATE TABLE t ("string" text PRIMARY KEY, string text, bytes "bytes", "int" int4)',
    'CREATE TABLE string (id bigint PRIMARY KEY)',
    'ALTER TABLE t RENAME COLUMN string TO bytes',
    'SELECT 1 AS string, 2 bytes',
    'SELECT a::int4, b::int2, c::bigint, d::text, e::bytea, f::interval',
  ])
})

test('a name and its type side by side are told apart', async () => {
  await check([
    [
      'CREATE TABLE t (string STRING PRIMARY KEY, bytes BYTES, "int" INT)',
      'CREATE TABLE t (string text PRIMARY KEY, bytes bytea, "int" int8)',
    ],
    ['SELECT string::STRING FROM bytes', 'SELECT string::text FROM bytes'],
  ])
})

test('all else stays byte for byte, also behind characters of many bytes', async () => {
  await check([
    [
      'CREATE  TABLE\t"é表😀" ( -- 😀 int\n  a STRING ,\r\n\t/* INT */ id INT PRIMARY\nKEY , ü STRING DEFAULT \'😀\' )',
      'CREATE  TABLE\t"é表😀" ( -- 😀 int\n  a text ,\r\n\t/* INT */ id int8 PRIMARY\nKEY , ü text DEFAULT \'😀\' )',
    ],
    ["SELECT '😀😀😀'::STRING, 'é'::BYTES -- ä", "SELECT '😀😀😀'::text, 'é'::bytea"],
  ])
})

test('a statement that does not parse goes as typed: PostgreSQL says why', async () => {
  await checkSame(['CREATE TABLE t (a STRING', 'SELECT a::STRING FROM FROM', "SELECT 'a::STRING"])
})

test('many types in a long statement, and deep ones, are no more than many types', async () => {
  const count = 20_000
  const values = (type: string): string => `INSERT INTO t VALUES ${`('é😀'::${type}),`.repeat(count)}(1)`
  const startedAt = performance.now()
  assert.equal(await sent(values('STRING')), values('text'))
  assert.ok(performance.now() - startedAt < 5000)
  const deep = (type: string): string => `SELECT ${'array['.repeat(1500)}1::${type}${']'.repeat(1500)}`
  assert.equal(await sent(deep('STRING')), deep('text'))
  const sum = (type: string): string => `SELECT 1::${type}${'+1'.repeat(2000)}`
  assert.equal(await sent(sum('STRING')), sum('text'))
})
