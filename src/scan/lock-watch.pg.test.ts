import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { until } from '../../test/support/until.ts'
import { exclusiveLock } from '../postgres/table-locks.ts'
import { install } from '../source-schema/source-schema.ts'
import { openCut } from './cut.ts'
import type { CutTurn } from './cut-turn.ts'
import { LockWatch } from './lock-watch.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(() => server[Symbol.asyncDispose]())

test('a cut is given up for who waits for ACCESS EXCLUSIVE, and for nobody else', { timeout: 300_000 }, async () => {
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
  assert.equal((await exclusiveLock(cut.control, cut.tables.keys()))?.isGranted, true)
  await other.query('COMMIT')
  assert.equal(await exclusiveLock(cut.control, cut.tables.keys()), undefined)
})

test('a cut whose turn is taken closes its connections, and the turn is over then', { timeout: 300_000 }, async () => {
  await using database = await server.database()
  await database.sql('CREATE TABLE t (id INT PRIMARY KEY)')
  await using connection = await database.connect()
  await install(connection)
  const [found] = await connection.query(`SELECT 'public.t'::regclass::oid::text`)
  const targets = [{ relid: Number(found?.[0]), tableName: 't' }]
  const { signal } = new AbortController()
  const wanted = new AbortController()
  let turns = 0
  const takeTurn = async (): Promise<CutTurn> => {
    turns += 1
    return { taken: wanted.signal, [Symbol.dispose]: () => void (turns -= 1) }
  }
  // A table that is locked holds up nobody else: between two attempts there is no turn.
  await using other = await database.connect()
  await other.query('BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE')
  const opening = openCut({ source: database.source, targets, connections: 2, signal, takeTurn })
  await until('it has a turn', 20_000, () => turns === 1 || undefined)
  await until('it has none', 20_000, () => turns === 0 || undefined)
  await other.query('COMMIT')
  await using cut = await opening
  assert.equal(turns, 1)
  using watch = new LockWatch(cut, signal)
  wanted.abort()
  await until('the turn is over', 20_000, () => turns === 0 || undefined)
  assert.equal(watch.hasGivenUp, true)
  assert.equal(await watch.end(), undefined)
  await assert.rejects(cut.control.query('SELECT'), { code: 'FEED_SOURCE_DOWN' })
})
