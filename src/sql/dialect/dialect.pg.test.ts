import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer, type TestDatabase } from '../../../test/support/source-under-test.ts'
import type { RawConnection } from '../../postgres/raw-connection.ts'
import { lex } from '../lexer.ts'
import { applySplices } from '../splices.ts'
import { readSql } from '../sql.ts'

let server: TestServer
let database: TestDatabase
let connection: RawConnection

before(async () => {
  server = await TestServer.start()
  database = await server.database()
  connection = await database.connect()
})

after(async () => {
  await connection?.close()
  await database?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
})

/** As the front does it. */
async function run(sql: string): Promise<(string | null)[][]> {
  const rows: (string | null)[][] = []
  const pieces = readSql(sql, { dialect: true, show: () => 'SELECT 1 AS one' })
  if (pieces === undefined) return connection.query(sql)
  for (const piece of pieces) {
    assert.ok(piece.tag === 'forward' || piece.tag === 'rewrite')
    const text =
      piece.tag === 'forward'
        ? piece.sql
        : applySplices(sql, await piece.findSplices((query) => connection.query(query)), piece.start, piece.end)
    for (const row of await connection.query(text)) rows.push(row)
  }
  return rows
}

function columns(table: string): Promise<(string | null)[][]> {
  return run(`SELECT attname, atttypid::regtype::text FROM pg_attribute
    WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`)
}

test('columns have the types that their words mean in CockroachDB', async () => {
  await run('CREATE TABLE types (a STRING, b BYTES, c INT, d INTEGER, e SERIAL, f STRING(3)[], "int" INT4)')
  assert.deepEqual(await columns('types'), [
    ['a', 'text'],
    ['b', 'bytea'],
    ['c', 'bigint'],
    ['d', 'bigint'],
    ['e', 'bigint'],
    ['f', 'character varying[]'],
    ['int', 'integer'],
    ['rowid', 'bigint'],
  ])
  assert.deepEqual(await run('SELECT pg_typeof(9223372036854775807::INT)'), [['bigint']])
})

test('a table without a key has a rowid that an INSERT need not name', async () => {
  await run("CREATE TABLE 表 (\"é😀\" STRING); INSERT INTO 表 VALUES ('a'), ('b')")
  assert.deepEqual(await run('SELECT "é😀", rowid > 0 FROM 表 ORDER BY rowid'), [
    ['a', 't'],
    ['b', 't'],
  ])
})

test('cluster_logical_timestamp() is one for a transaction, and grows from one to the next', async () => {
  await run('BEGIN')
  const [first] = await run('SELECT cluster_logical_timestamp()')
  const [again] = await run('SELECT cluster_logical_timestamp() FROM pg_sleep(0.001)')
  await run('COMMIT')
  assert.deepEqual(again, first)
  assert.match(String(first), /^\d{19}\.0{10}$/)
  assert.deepEqual(await run(`SELECT cluster_logical_timestamp() > ${String(first)}`), [['t']])
})

test('UPSERT inserts what is new and replaces what is there', async () => {
  await run('CREATE SCHEMA s; CREATE TABLE s."Acc😀" (id INT PRIMARY KEY, a STRING DEFAULT \'x\', "B" STRING)')
  await run(`UPSERT INTO s."Acc😀" VALUES (1, 'a', 'b'), (2, 'a', 'b')`)
  await run(`UPSERT INTO s."Acc😀" (id, a) VALUES (1, 'c')`)
  assert.deepEqual(await run(`UPSERT INTO s."Acc😀" VALUES (2, 'é'::STRING) RETURNING id, a, "B"`), [['2', 'é', null]])
  assert.deepEqual(await run(`UPSERT INTO s."Acc😀" (id) VALUES (2) RETURNING id, a`), [['2', 'é']])
  await run(`WITH n AS (UPSERT INTO s."Acc😀" VALUES (3) RETURNING id) SELECT * FROM n`)
  await run(`PREPARE p (INT) AS UPSERT INTO s."Acc😀" VALUES ($1, 'p'); EXECUTE p (3)`)
  await run(`EXPLAIN ANALYZE UPSERT INTO s."Acc😀" VALUES (3, 'explained')`)
  assert.deepEqual(await run('SELECT * FROM s."Acc😀" ORDER BY id'), [
    ['1', 'c', 'b'],
    ['2', 'é', null],
    ['3', 'explained', null],
  ])
})

test('a primary key that comes later takes the place of the rowid', async () => {
  await run('CREATE TABLE late (a INT NOT NULL); ALTER TABLE ONLY late ADD CONSTRAINT p PRIMARY KEY (a)')
  assert.deepEqual(await columns('late'), [['a', 'bigint']])
  await run('CREATE TABLE later (a INT); ALTER TABLE later ADD COLUMN id SERIAL PRIMARY KEY')
  assert.deepEqual(await columns('later'), [
    ['a', 'bigint'],
    ['id', 'bigint'],
  ])
})

test('a rewrite inside an explicit transaction leaves it open', async () => {
  await run('CREATE TABLE tx (id INT PRIMARY KEY, a INT)')
  await run('BEGIN')
  await run('UPSERT INTO tx VALUES (1, 1)')
  await run('UPSERT INTO tx VALUES (1, 2)')
  await run('COMMIT')
  assert.deepEqual(await run('SELECT * FROM tx'), [['1', '2']])
})

test('a string goes on behind a line comment, for the server and for us', async () => {
  for (const sql of ["'a' -- note\n'b'", "'a'\n-- note\n  'b'", "E'a'\n--x\r--y\n'\\''"]) {
    assert.deepEqual(await connection.query(`SELECT ${sql}`), [[lex(sql)[0]?.text]])
    assert.equal(lex(sql).length, 1)
  }
})
