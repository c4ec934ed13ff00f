import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sent } from '../../../test/support/read-dialect.ts'

const rowid = 'rowid INT8 NOT NULL DEFAULT unique_rowid() PRIMARY KEY'

test('a table without a primary key gets a rowid as its last column', async () => {
  const table: [string, string][] = [
    ['CREATE TABLE t (a text)', `CREATE TABLE t (a text, ${rowid})`],
    ['CREATE TABLE t ()', `CREATE TABLE t (${rowid})`],
    ['CREATE TABLE IF NOT EXISTS s.t (a text)', `CREATE TABLE IF NOT EXISTS s.t (a text, ${rowid})`],
    ['CREATE UNLOGGED TABLE t (a text)', `CREATE UNLOGGED TABLE t (a text, ${rowid})`],
    ['CREATE TABLE t (a text UNIQUE, CHECK (a > (b)))', `CREATE TABLE t (a text UNIQUE, CHECK (a > (b)), ${rowid})`],
    [
      'CREATE TABLE "t(é)" (a numeric(1, 2), b text) WITH (fillfactor = 70)',
      `CREATE TABLE "t(é)" (a numeric(1, 2), b text, ${rowid}) WITH (fillfactor = 70)`,
    ],
    ['CREATE TABLE t (a text -- the last )\n)', `CREATE TABLE t (a text -- the last )\n, ${rowid})`],
    ['CREATE TABLE /* ( */ t (a STRING)', `CREATE TABLE /* ( */ t (a text, ${rowid})`],
  ]
  for (const [typed, expected] of table) assert.equal(await sent(typed), expected)
})

test('a column of that name moves it aside', async () => {
  assert.equal(
    await sent('CREATE TABLE t (rowid text, rowid_1 text)'),
    `CREATE TABLE t (rowid text, rowid_1 text, ${rowid.replace('rowid', 'rowid_2')})`,
  )
})

test('a table that has a key, or has it from elsewhere, stays as typed', async () => {
  const table = [
    'CREATE TABLE t (a text PRIMARY KEY)',
    'CREATE TABLE t (a text, b text, PRIMARY KEY (a, b))',
    'CREATE TABLE t (a text, CONSTRAINT p PRIMARY KEY (a))',
    'CREATE TABLE t (LIKE u INCLUDING ALL)',
    'CREATE TABLE t () INHERITS (u)',
    'CREATE TABLE t (a text) INHERITS (u)',
    'CREATE TABLE t OF u',
    'CREATE TABLE t PARTITION OF u FOR VALUES IN (1)',
    'CREATE TABLE t (a text) PARTITION BY LIST (a)',
    'CREATE TEMP TABLE t (a text)',
    'CREATE TEMPORARY TABLE t (a text)',
    'CREATE LOCAL TEMP TABLE t (a text)',
    'CREATE TABLE pg_temp.t AS SELECT 1',
    'CREATE TABLE t AS SELECT 1 AS a',
    'CREATE TABLE t (a, b) AS SELECT 1, 2',
    'CREATE FOREIGN TABLE t (a text) SERVER s',
    'DROP TABLE t',
    'LOCK TABLE t',
    'COMMENT ON TABLE t IS $$ (a INT) $$',
  ]
  for (const sql of table) assert.equal(await sent(sql), sql)
})
