import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { install } from '../ingest/install-sql.ts'
import { TestServer } from '../../test/support/source-under-test.ts'
import { openCut } from './cut.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

test('a type of a table stays as it is while its rows are read', async () => {
  await using database = await server.database()
  await database.sql(
    `CREATE TYPE pair AS (x INT, y INT); CREATE TABLE t (id INT PRIMARY KEY, c pair[]); INSERT INTO t VALUES (1, ARRAY['(1,2)'::pair])`,
  )
  const connection = await database.connect()
  await install(connection)
  const [found] = await connection.query(`SELECT 'public.t'::regclass::oid::text`)
  const targets = [{ relid: Number(found?.[0]), tableName: 't' }]
  const options = { source: database.source, targets, connections: 2, signal: new AbortController().signal }
  const drop = 'ALTER TYPE public.pair DROP ATTRIBUTE x; ALTER TYPE public.pair ADD ATTRIBUTE z INT'
  {
    await using cut = await openCut(options)
    await assert.rejects(
      database.sql(drop),
      /type public.pair is being changed, or a table that uses it described or scanned/,
    )
    const rows = await cut.readers[1]?.query('SELECT c::text FROM public.t')
    assert.deepEqual(rows, [['{"(1,2)"}']])
  }
  await database.sql(drop)

  // Who is about to change it is waited for.
  await connection.query('BEGIN; ALTER TYPE public.pair ADD ATTRIBUTE w INT')
  const opening = openCut(options)
  const early = await Promise.race([
    opening.then(() => 'opened'),
    database.sql('SELECT pg_sleep(1)').then(() => 'waits'),
  ])
  await connection.query('COMMIT')
  await using cut = await opening
  assert.equal(early, 'waits')
  assert.match(JSON.stringify(cut.tables.get(targets[0]?.relid ?? 0)?.description), /"w"/)
  await connection.close()
})

test('scans that begin beside DDL hold up neither themselves nor the DDL', { timeout: 60_000 }, async () => {
  await using database = await server.database()
  await database.sql('CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE u (id INT PRIMARY KEY)')
  const connection = await database.connect()
  await install(connection)
  const found = await connection.query(`SELECT oid::text, relname FROM pg_class WHERE relname IN ('t', 'u')`)
  const targets = found.map(([relid, name]) => ({ relid: Number(relid), tableName: name ?? '' }))
  const options = { source: database.source, targets, connections: 2, signal: new AbortController().signal }
  let isOver = false
  let changes = 0
  const alter = async (): Promise<void> => {
    while (!isOver) {
      await connection.query('ALTER TABLE public.t ADD COLUMN n INT; ALTER TABLE public.t DROP COLUMN n')
      changes += 1
      await delay(10)
    }
  }
  const altering = alter()
  for (let i = 0; i < 10; i++) {
    const before = changes
    try {
      await using cut = await openCut(options)
      assert.equal(cut.tables.size, 2)
    } catch (error) {
      assert.match((error as Error).message, /the tables changed during each of/)
    }
    while (changes === before) await delay(5)
  }
  isOver = true
  await altering
  await connection.close()
})
