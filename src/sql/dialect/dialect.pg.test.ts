import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestPostgres, type TestDatabase } from '../../../test/support/postgres-under-test.ts'
import type { RawConnection } from '../../postgres/raw-connection.ts'
import { lex } from '../lexer.ts'
import { applySplices } from '../splices.ts'
import { readSql } from '../sql.ts'

let server: TestPostgres
let database: TestDatabase
let connection: RawConnection

before(async () => {
  server = await TestPostgres.start()
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
    ['d', 'integer'],
    ['e', 'integer'],
    ['f', 'character varying[]'],
    ['int', 'integer'],
  ])
  assert.deepEqual(await run('SELECT pg_typeof(1::INT)'), [['integer']])
})

test('a table without a key stays as written until an INSERT names the rowid that it returns', async () => {
  await run("CREATE TABLE 表 (\"é😀\" STRING); INSERT INTO 表 VALUES ('a'), ('b')")
  assert.deepEqual(await columns('表'), [['é😀', 'text']])
  const [[third]] = (await run("INSERT INTO 表 VALUES ('c') RETURNING rowid")) as [[string]]
  assert.deepEqual(await run('SELECT "é😀", rowid > 0 FROM 表 ORDER BY "é😀"'), [
    ['a', 't'],
    ['b', 't'],
    ['c', 't'],
  ])
  assert.deepEqual(await run(`UPSERT INTO 表 VALUES ('d') RETURNING rowid > ${third}`), [['t']])
  assert.deepEqual(await run(`SELECT count(*) FROM pg_index WHERE indrelid = '表'::regclass AND indisprimary`), [['1']])
})

test('a table that has a key, or a column rowid of its own, gets none', async () => {
  await run('CREATE TABLE keyed (a int PRIMARY KEY)')
  await assert.rejects(run('INSERT INTO keyed VALUES (1) RETURNING rowid'), /column "rowid" does not exist/)
  await run('CREATE TABLE own (rowid text)')
  assert.deepEqual(await run("INSERT INTO own VALUES ('x') RETURNING rowid"), [['x']])
  assert.deepEqual(await columns('own'), [['rowid', 'text']])
  await assert.rejects(run('SELECT rowid FROM types'), /column "rowid" does not exist/)
})

test('values of unique_rowid are distinct, for many rows and for many sessions', async () => {
  await run('CREATE TABLE many (a int); INSERT INTO many SELECT generate_series(1, 200000)')
  await run('ALTER TABLE many ADD COLUMN rowid INT8 NOT NULL DEFAULT unique_rowid() PRIMARY KEY')
  await run('CREATE TABLE drawn (id bigint PRIMARY KEY)')
  const sessions = await Promise.all([1, 2, 3, 4].map(() => database.connect()))
  const sql = 'INSERT INTO drawn SELECT unique_rowid() FROM generate_series(1, 30000)'
  await Promise.all(sessions.map((session) => session.query(sql)))
  await Promise.all(sessions.map((session) => session.close()))
  assert.deepEqual(await run('SELECT count(*) FROM drawn'), [['120000']])
})

test('default_int_size is a setting of the session, of its transaction, of a role', async () => {
  const size = async (): Promise<unknown> => (await run('SHOW default_int_size'))[0]?.[0]
  assert.equal(await size(), '8')
  await run('SET default_int_size = 4')
  assert.equal(await size(), '4')
  await run('BEGIN')
  await run("SET LOCAL default_int_size TO '8'")
  assert.equal(await size(), '8')
  await run('ROLLBACK')
  assert.equal(await size(), '4')
  await run('RESET default_int_size')
  assert.equal(await size(), '8')
  await run('ALTER ROLE CURRENT_USER SET default_int_size = 4')
  await run('ALTER ROLE CURRENT_USER RESET default_int_size')
  const [piece] = readSql('SET default_int_size = 5', { dialect: true, show: () => '' }) ?? []
  assert.ok(piece?.tag === 'error' && /only 4 or 8 are supported by default_int_size/.test(piece.error.message))
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
  const rowid = 'rowid INT8 NOT NULL DEFAULT unique_rowid() PRIMARY KEY'
  await run(`CREATE TABLE late (a INT NOT NULL, ${rowid})`)
  await run('ALTER TABLE ONLY late ADD CONSTRAINT p PRIMARY KEY (a)')
  assert.deepEqual(await columns('late'), [['a', 'bigint']])
  await run(`CREATE TABLE later (a INT, ${rowid})`)
  await run('ALTER TABLE later ADD COLUMN id BIGSERIAL PRIMARY KEY')
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
