import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { until } from '../../test/support/until.ts'
import { install } from '../source-schema/source-schema.ts'
import { openCut } from './cut.ts'
import { LockWatch, untilTablesAreFree } from './lock-watch.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(() => server[Symbol.asyncDispose]())

test('a cut is given up for who waits for ACCESS EXCLUSIVE, and for nobody else', { timeout: 120_000 }, async () => {
  await using database = await server.database()
  await database.sql('CREATE TABLE t (id INT PRIMARY KEY, n INT); CREATE TABLE u (id INT); INSERT INTO t VALUES (1, 1)')
  await using connection = await database.connect()
  await install(connection)
  const [found] = await connection.query(`SELECT 'public.t'::regclass::oid::text`)
  const targets = [{ relid: Number(found?.[0]), tableName: 't' }]
  const { signal } = new AbortController()
  await using cut = await openCut({ source: database.source, targets, connections: 2, signal })
  using watch = new LockWatch(cut, signal)
  // What a scan does not keep from its work, and DDL that waits for somebody else.
  for (const sql of ['VACUUM t', 'ANALYZE t', 'CREATE INDEX ON t (n)', 'UPDATE t SET n = 2']) await database.sql(sql)
  await connection.query('BEGIN; LOCK TABLE public.u')
  await using other = await database.connect()
  const waiting = other.query('ALTER TABLE public.u ADD n INT')
  const waitsSql = `SELECT FROM pg_locks WHERE relation = 'public.u'::regclass AND NOT granted`
  await until('it waits', 20_000, async () => ((await connection.query(waitsSql)).length > 0 ? true : undefined))
  assert.equal((await cut.readers[0]?.query('SELECT id::text FROM public.t'))?.length, 1)
  await connection.query('COMMIT')
  await waiting
  assert.equal(watch.hasGivenUp, false)

  await other.query('BEGIN; ALTER TABLE public.t ADD c INT')
  assert.equal(watch.hasGivenUp, true)
  assert.equal(await watch.end(), `process ${other.backendPid} of user "${database.source.user}"`)
  let isFree = false
  const free = untilTablesAreFree(cut, signal).then(() => {
    isFree = true
  })
  await database.sql('SELECT pg_sleep(0.5)')
  assert.equal(isFree, false)
  await other.query('COMMIT')
  await free
})
