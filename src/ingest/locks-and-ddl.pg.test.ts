// What we lock beside a transaction of the application that goes on locking: never is it a command of the application that fails.
// PostgreSQL looks for a deadlock after 10 ms here, and ends the command of whoever has waited for so long.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { until } from '../../test/support/until.ts'
import { giveBackTables } from './give-back.ts'
import { watchTables } from './watch.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(() => server[Symbol.asyncDispose]())

async function database(sql: string): Promise<TestDatabase> {
  const db = await server.database()
  await db.sql(sql)
  await db.sql(
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''10ms''', current_database()); END $$`,
  )
  return db
}

const relidOf = async (db: TestDatabase, table: string): Promise<number> =>
  Number((await db.sql(`SELECT 'public.${table}'::regclass::oid`))[0]?.[0])

test('who changes a type and then its table gets both locks while the table is taken under watch', async () => {
  await using db = await database(
    'CREATE TYPE c AS (x int); CREATE TABLE other (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, v c)',
  )
  // From now on changes of types are seen.
  await watchTables(db.source, [{ relid: await relidOf(db, 'other') }])
  const relid = await relidOf(db, 't')
  await using app = await db.connect()
  await app.query('BEGIN; ALTER TYPE public.c ADD ATTRIBUTE y int')
  const progress: string[] = []
  const watching = watchTables(db.source, [{ relid }], { progress: (what) => void progress.push(what) })
  watching.catch(() => undefined)
  await using watcher = await db.connect()
  // Whatever the watch waits for at this moment, or holds.
  for (let i = 0; i < 5; i++) {
    await until('the watch waits', 20_000, async () =>
      (await watcher.query(`SELECT FROM pg_locks WHERE NOT granted`)).length > 0 ? true : undefined,
    )
    await app.query('SAVEPOINT s; ALTER TABLE public.t ADD COLUMN n int; ROLLBACK TO SAVEPOINT s')
  }
  await until('it says so', 20_000, () => progress.length > 0 || undefined)
  await app.query('COMMIT')
  await watching
  assert.match(progress.join(), /waiting for table public.t, which is in use by process/)
})

test('a transaction with DDL on one watched table alters another one while it is noted which tables are needed', async () => {
  await using db = await database('CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)')
  const relids = [await relidOf(db, 'a'), await relidOf(db, 'b')]
  await watchTables(
    db.source,
    relids.map((relid) => ({ relid })),
  )
  await using app = await db.connect()
  await app.query('BEGIN; ALTER TABLE public.b ADD COLUMN n int')
  const given = giveBackTables(db.source, { needed: () => Promise.resolve(new Set(relids)) })
  const outcome = await Promise.race([
    given.then(() => 'done'),
    until('it waits', 20_000, async () =>
      (await db.sql(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`))
        .length > 0
        ? 'waits'
        : undefined,
    ),
  ])
  await app.query('ALTER TABLE public.a ADD COLUMN n int; COMMIT')
  assert.equal(outcome, 'done')
  assert.equal((await given).left, 2)
})
