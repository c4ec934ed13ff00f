// A scan and a transaction of the application that changes a composite type. To print a value PostgreSQL locks the relation of its
// type for a moment, and ALTER TYPE holds this relation until its transaction ends. Neither must wait for the other in a circle.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { until } from '../../test/support/until.ts'
import { watchTables } from '../ingest/watch.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { openCut, type CutOptions, type OpenTables } from './cut.ts'
import { LockWatch } from './lock-watch.ts'
import { scan } from './scan.ts'
import { wholeTable } from './selection.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(() => server[Symbol.asyncDispose]())

const rows = 5
const { signal } = new AbortController()

/** A table of composite values, of which one is in an array, and one in a domain in the other type. */
async function prepare(db: TestDatabase, mode: 'installed' | 'prepared'): Promise<CutOptions> {
  await db.sql(`CREATE TYPE inner_pair AS (a int); CREATE DOMAIN present AS inner_pair NOT NULL; CREATE TYPE pair AS (x int, y int, i present);
    CREATE TABLE base (a int); CREATE TABLE t (id int PRIMARY KEY, c pair[], b base);
    INSERT INTO t SELECT n, ARRAY[ROW(n, n, ROW(n))::pair], ROW(n)::base FROM generate_series(1, ${rows}) AS n`)
  const [found] = await db.sql(`SELECT 'public.t'::regclass::oid::text`)
  const targets = [{ relid: Number(found?.[0]), tableName: 't' }]
  if (mode === 'installed') await watchTables(db.source, targets)
  else await db.sql('CREATE PUBLICATION pg_changefeed FOR TABLE t')
  const source: SourceConnection = mode === 'installed' ? db.source : { ...db.source, mayInstall: false as const }
  return { source, targets, connections: 2, signal }
}

async function readAll(cut: OpenTables): Promise<number> {
  let count = 0
  const consumer = { row: () => void (count += 1), pieceDone: () => undefined, chunkDone: () => undefined }
  const consumers = cut.readers.map(() => consumer)
  await scan({ cut, selection: wholeTable, commitTimes: false, isDone: () => false, consumers })
  return count
}

const changes = [
  'ALTER TYPE public.pair RENAME ATTRIBUTE x TO z',
  'ALTER TYPE public.inner_pair ADD ATTRIBUTE b int',
  'ALTER TABLE public.base ADD COLUMN b int',
]

// PostgreSQL looks for deadlocks after this time: usually after the scan gave way, here before.
for (const deadlockTimeout of ['1s', '10ms']) {
  test(`who changes a type while a scan begins to print it gets its lock, and the scan reads or gives way (${deadlockTimeout})`, async () => {
    for (const change of changes) {
      await using db = await server.database()
      const options = await prepare(db, 'installed')
      await db.sql(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''${deadlockTimeout}''', current_database()); END $$`,
      )
      await using cut = await openCut(options)
      using watch = new LockWatch(cut, signal)
      await using app = await db.connect()
      await using other = await db.connect()
      const changing = app.query(change).then(
        () => 'changed',
        (error: unknown) => (error as Error).message,
      )
      const waitsSql = `SELECT FROM pg_locks WHERE pid = ${app.backendPid} AND NOT granted`
      // On a machine that is busy the scan may have given way before this is seen.
      await until('it waits', 20_000, async () =>
        watch.hasGivenUp || (await other.query(waitsSql)).length > 0 ? true : undefined,
      )
      const read = await readAll(cut).catch((error: unknown) => (watch.hasGivenUp ? 'gave way' : error))
      assert.ok(read === rows || read === 'gave way', `${change}: ${String(read)}`)
      assert.equal(await changing, 'changed', change)
      await watch.end()
      // The next cut reads all.
      await using next = await openCut(options)
      assert.equal(await readAll(next), rows)
    }
  })
}

test('where a DBA has prepared the source, an open change of a type does not end a scan that has begun', async () => {
  for (const change of changes) {
    await using db = await server.database()
    const options = await prepare(db, 'prepared')
    await using cut = await openCut(options)
    await using app = await db.connect()
    await app.query(`BEGIN; ${change}`)
    assert.equal(await readAll(cut), rows, change)
    await app.query('ROLLBACK')
  }
})
