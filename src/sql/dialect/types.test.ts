import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sent } from '../../../test/support/read-dialect.ts'

/** Each pair is a statement as typed and as sent. */
async function check(table: readonly (readonly [string, string])[]): Promise<void> {
  for (const [typed, expected] of table) assert.equal(await sent(typed), expected)
}

async function checkSame(table: readonly string[]): Promise<void> {
  await check(table.map((sql) => [sql, sql]))
}

test('STRING, BYTES, INT and SERIAL are types in the columns of a table', async () => {
  await check([
    [
      'CREATE TABLE t (a STRING PRIMARY KEY, b Bytes, c INT, d integer NOT NULL, e SERIAL, f STRING(10), g string[])',
      'CREATE TABLE t (a text PRIMARY KEY, b bytea, c int8, d int8 NOT NULL, e bigserial, f varchar(10), g text[])',
    ],
    ['ALTER TABLE t ADD COLUMN a STRING', 'ALTER TABLE t ADD COLUMN a text'],
    ['ALTER TABLE t ALTER a TYPE int', 'ALTER TABLE t ALTER a TYPE int8'],
    ['CREATE TEMP TABLE t (a STRING)', 'CREATE TEMP TABLE t (a text)'],
    ['CREATE TYPE c AS (a STRING, b INT[])', 'CREATE TYPE c AS (a text, b int8[])'],
    ['CREATE DOMAIN d AS STRING', 'CREATE DOMAIN d AS text'],
  ])
})

test('they are types in casts, arrays, literals and functions', async () => {
  await check([
    ["SELECT 'a'::STRING, CAST(1 AS INT), INT '5'", "SELECT 'a'::text, CAST(1 AS int8), int8 '5'"],
    ['SELECT a::STRING[], b::INT[][3], c::STRING ARRAY', 'SELECT a::text[], b::int8[][3], c::text ARRAY'],
    ['SELECT a::string/* c */::Bytes FROM t', 'SELECT a::text/* c */::bytea FROM t'],
    ['SELECT * FROM f() AS t (a INT, b STRING)', 'SELECT * FROM f() AS t (a int8, b text)'],
    ['PREPARE p (STRING, INT) AS SELECT $1, $2', 'PREPARE p (text, int8) AS SELECT $1, $2'],
    ['CREATE VIEW v AS SELECT a::STRING FROM t', 'CREATE VIEW v AS SELECT a::text FROM t'],
    ['CREATE TABLE t AS SELECT a::STRING AS b FROM u', 'CREATE TABLE t AS SELECT a::text AS b FROM u'],
    [
      'CREATE FUNCTION f(a STRING, INT) RETURNS SETOF STRING LANGUAGE sql AS $$ SELECT $1::STRING $$',
      'CREATE FUNCTION f(a text, int8) RETURNS SETOF text LANGUAGE sql AS $$ SELECT $1::STRING $$',
    ],
    [
      'CREATE FUNCTION f() RETURNS TABLE (a STRING) BEGIN ATOMIC SELECT b::STRING FROM t; END',
      'CREATE FUNCTION f() RETURNS TABLE (a text) BEGIN ATOMIC SELECT b::text FROM t; END',
    ],
    ['DROP FUNCTION f(STRING, INT)', 'DROP FUNCTION f(text, int8)'],
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
    ["SELECT '😀😀😀'::STRING, 'é'::INT -- ä", "SELECT '😀😀😀'::text, 'é'::int8"],
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
  assert.equal(await sent(deep('INT')), deep('int8'))
  const sum = (type: string): string => `SELECT 1::${type}${'+1'.repeat(2000)}`
  assert.equal(await sent(sum('INT')), sum('int8'))
})
