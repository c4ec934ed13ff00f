import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { logInFolder } from '../changelog/open-changelog.ts'
import { unseen } from '../../test/support/unseen.ts'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import { giveBackTables } from './give-back.ts'
import { IngestThread } from './ingest-thread.ts'
import { uninstall } from '../source-schema/uninstall.ts'
import { watchTables } from './watch.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

async function relidOf(db: TestDatabase, table: string): Promise<number> {
  return Number((await db.sql(`SELECT '${table}'::regclass::oid`))[0]?.[0])
}

/** Besides the list of descriptions, which is published as well. */
const publishedSql = `SELECT prrelid::text FROM pg_publication_rel WHERE prrelid <> 'changefeed.watched'::regclass`

const nobody = async (): Promise<ReadonlySet<number>> => new Set()

async function watchFull(db: TestDatabase, table: string): Promise<number> {
  const relid = await relidOf(db, table)
  await watchTables(db.source, [{ relid, statements: [`ALTER TABLE public.${table} REPLICA IDENTITY FULL`] }])
  return relid
}

test('a table that is given back has the replica identity that it had, unless its owner has changed it since', async () => {
  await using db = await server.database()
  await db.sql(`CREATE TABLE d (id int PRIMARY KEY, v text);
    CREATE TABLE n (id int PRIMARY KEY, v text); ALTER TABLE n REPLICA IDENTITY NOTHING;
    CREATE TABLE i (id int PRIMARY KEY, v text NOT NULL); CREATE UNIQUE INDEX "I v" ON i (v); ALTER TABLE i REPLICA IDENTITY USING INDEX "I v";
    CREATE TABLE gone (id int PRIMARY KEY, v text NOT NULL); CREATE UNIQUE INDEX g ON gone (v); ALTER TABLE gone REPLICA IDENTITY USING INDEX g;
    CREATE TABLE f (id int PRIMARY KEY, v text); ALTER TABLE f REPLICA IDENTITY FULL;
    CREATE TABLE own (id int PRIMARY KEY, v text)`)
  const names = ['d', 'n', 'i', 'gone', 'f', 'own']
  const relids: number[] = []
  for (const name of names) relids.push(await watchFull(db, name))
  // While event triggers are on, nobody lessens the identity of a watched table.
  await db.sql(`${unseen('ALTER TABLE own REPLICA IDENTITY NOTHING')}; DROP INDEX g`)
  assert.deepEqual(await giveBackTables(db.source, { needed: nobody }), { given: 6, busy: [], left: 0 })
  assert.deepEqual(
    await db.sql(`SELECT relname, relreplident FROM pg_class WHERE oid IN (${relids.join()}) ORDER BY 1`),
    [
      ['d', 'd'],
      ['f', 'f'],
      ['gone', 'd'],
      ['i', 'i'],
      ['n', 'n'],
      ['own', 'n'],
    ],
  )
  assert.deepEqual(await db.sql(publishedSql), [])
  await db.sql('ALTER TABLE d SET UNLOGGED')
})

test('a table that needed REPLICA IDENTITY FULL only later has what it had before when it is given back', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id int PRIMARY KEY)')
  const relid = await relidOf(db, 't')
  await watchTables(db.source, [{ relid }])
  await db.sql('ALTER TABLE t ADD COLUMN big text')
  const identity = (): Promise<(string | null)[][]> => db.sql(`SELECT relreplident FROM pg_class WHERE oid = ${relid}`)
  assert.deepEqual(await identity(), [['f']])
  assert.deepEqual(await giveBackTables(db.source, { needed: nobody }), { given: 1, busy: [], left: 0 })
  assert.deepEqual(await identity(), [['d']])
})

test('what somebody needs, or was needed a short while ago, stays watched; what is locked is tried again', async () => {
  await using db = await server.database()
  await db.sql(
    'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, v text); CREATE TABLE c (id int PRIMARY KEY)',
  )
  const [a, c] = [await relidOf(db, 'a'), await relidOf(db, 'c')]
  const b = await watchFull(db, 'b')
  await watchTables(db.source, [{ relid: a }, { relid: c }])
  const needed = async (): Promise<ReadonlySet<number>> => new Set([a])
  assert.deepEqual(await giveBackTables(db.source, { keepMs: 60_000, needed }), { given: 0, busy: [], left: 3 })
  const reader = await db.connect()
  await reader.query('BEGIN; SELECT * FROM b')
  assert.deepEqual(await giveBackTables(db.source, { needed }), { given: 1, busy: [b], left: 2 })
  await reader.query('COMMIT')
  await reader.close()
  await db.sql('DROP TABLE b')
  assert.deepEqual(await giveBackTables(db.source, { needed: nobody }), { given: 1, busy: [], left: 0 })
})

test('who begins to need a table while it is given back watches it anew', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id int PRIMARY KEY)')
  const relid = await relidOf(db, 't')
  const first = (await watchTables(db.source, [{ relid }])).get(relid)
  let watching: Promise<unknown> = Promise.resolve()
  let asked = 0
  await giveBackTables(db.source, {
    needed: async () => {
      asked += 1
      // In need since just behind the look that decides.
      if (asked === 2) watching = watchTables(db.source, [{ relid }])
      return new Set()
    },
  })
  await watching
  const again = (await watchTables(db.source, [{ relid }])).get(relid)
  assert.ok((again?.wall ?? 0n) > (first?.wall ?? 0n))
  assert.deepEqual(await db.sql(publishedSql), [[String(relid)]])
})

test('a database gives up all that was put there when nothing is watched, and begins anew without a gap', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id int PRIMARY KEY)')
  const relid = await relidOf(db, 't')
  const settings = { closedTargetMs: 100, retentionMs: 3_600_000, maxLogBytes: 0 }
  const gaps: string[] = []
  const start = (dir: string): IngestThread =>
    new IngestThread({ log: logInFolder(dir), source: db.source, settings }, (message) => {
      if (message.tag === 'gap') gaps.push(message.reason)
    })
  const thread = start(db.dir)
  await thread.ready
  await watchTables(db.source, [{ relid }])
  assert.equal(await uninstall(db.source), false)
  await giveBackTables(db.source, { needed: nobody })
  await thread.stop()
  assert.equal(await uninstall(db.source), true)
  assert.equal(await uninstall(db.source), true)
  const left = `SELECT FROM pg_replication_slots WHERE database = current_database() UNION ALL SELECT FROM pg_publication UNION ALL SELECT FROM pg_event_trigger UNION ALL SELECT FROM pg_namespace WHERE nspname = 'changefeed'`
  assert.deepEqual(await db.sql(left), [])
  const next = start(`${db.dir}-2`)
  await next.ready
  await watchTables(db.source, [{ relid }])
  await within(5000, 'the slot', async () => (await db.sql(left)).length > 2)
  assert.deepEqual(gaps, [])
  await next.stop()
})
