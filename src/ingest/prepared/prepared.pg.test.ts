// A source that a DBA has prepared: what is done to the publication, its tables and our rights, on every version. What may be
// missing is a gap that is named, and nothing is changed by us.

import assert from 'node:assert/strict'
import test from 'node:test'
import { IngestUnderTest } from '../../../test/support/ingest-under-test.ts'
import { Following } from '../../../test/support/following.ts'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import { skipVersion } from '../../../test/support/servers/postgres-versions.ts'
import { needsVersion, versionsOfRun } from '../../../test/support/servers/server-of-tests.ts'
import { preparedDatabase, type PreparedDatabase } from '../../../test/support/prepared-database.ts'
import { within } from '../../../test/support/until.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { uninstall } from '../../source-schema/uninstall.ts'
import { giveBackTables } from '../give-back.ts'
import { watchTables } from '../watch.ts'

const mark = `COMMENT ON PUBLICATION pg_changefeed IS 'pg-changefeed: prepared by a script of changefeed setup-sql'`

const tables = 'CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE u (id int PRIMARY KEY, n int)'

const prepare = (role: string): string =>
  `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}; CREATE PUBLICATION pg_changefeed FOR TABLE t, u; ${mark}`

async function following(db: PreparedDatabase): Promise<Following> {
  const all = new Following(db)
  await all.thread.ready
  return all
}

async function relidOf(db: PreparedDatabase, table: string): Promise<number> {
  return Number((await db.sql(`SELECT '${table}'::regclass::oid`))[0]?.[0])
}

async function watch(db: PreparedDatabase, all: IngestUnderTest, table: string): Promise<bigint> {
  const relid = await relidOf(db, table)
  const ingest = { log: all.log, checkNow: () => all.thread.checkNow() }
  const since = await watchTables(db.source, [{ relid }], { ingest, signal: AbortSignal.timeout(20_000) })
  return since.get(relid)?.wall ?? 0n
}

/** What is done, what the gap says, and whether it is a gap of table t only. */
const losses: readonly (readonly [sql: string, says: RegExp, back?: string])[] = [
  [
    `ALTER PUBLICATION pg_changefeed SET (publish = 'insert')`,
    /was altered/,
    `ALTER PUBLICATION pg_changefeed SET (publish = 'insert, update, delete, truncate')`,
  ],
  [
    'ALTER PUBLICATION pg_changefeed DROP TABLE t',
    /public\.t was dropped or left/,
    'ALTER PUBLICATION pg_changefeed ADD TABLE t',
  ],
  ['ALTER PUBLICATION pg_changefeed DROP TABLE t; ALTER PUBLICATION pg_changefeed ADD TABLE t', /public\.t had left/],
  ['REVOKE SELECT ON t FROM $role', /public\.t cannot be read by role/, 'GRANT SELECT ON t TO $role'],
  ['ALTER TABLE t ENABLE ROW LEVEL SECURITY', /has row-level security/, 'ALTER TABLE t DISABLE ROW LEVEL SECURITY'],
  [
    'ALTER TABLE t REPLICA IDENTITY NOTHING',
    /has no usable replica identity: it has REPLICA IDENTITY NOTHING/,
    'ALTER TABLE t REPLICA IDENTITY DEFAULT',
  ],
  ['ALTER TABLE t DROP CONSTRAINT t_pkey', /has no primary key/, 'ALTER TABLE t ADD PRIMARY KEY (id)'],
  ['ALTER TABLE t ADD COLUMN big text', /may be stored out of line/, 'ALTER TABLE t REPLICA IDENTITY FULL'],
  ['ALTER TABLE t REPLICA IDENTITY DEFAULT', /does not have REPLICA IDENTITY FULL any more/],
]

const catalogue = `SELECT string_agg(x, ' ' ORDER BY x) FROM (
  SELECT nspname::text AS x FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp' UNION ALL SELECT proname FROM pg_proc WHERE oid >= 16384 UNION ALL SELECT relname FROM pg_class WHERE oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace
  UNION ALL SELECT evtname FROM pg_event_trigger UNION ALL SELECT rolname FROM pg_roles UNION ALL SELECT pubname FROM pg_publication) AS o`

for (const version of versionsOfRun([14, 18])) {
  test(
    `${version}: whatever may lose changes is a gap that names it, and reading goes on; nothing is made in the database`,
    { skip: skipVersion(version) },
    async () => {
      await using server = await PostgresServerUnderTest.start({ version })
      await using db = await preparedDatabase(server, tables, prepare)
      const before = await db.sql(catalogue)
      await using all = await following(db)
      await watch(db, all, 't')
      assert.deepEqual(all.gaps, [])
      let n = 0
      for (const [sql, says, back] of losses) {
        await db.sql(sql.replace('$role', db.role))
        all.thread.checkNow()
        const reason = await all.gap(++n).catch(() => `nothing, after ${all.gaps.join('; ')}`)
        assert.match(reason, says, sql)
        if (back !== undefined) await db.sql(back.replace('$role', db.role))
        const isOfAll = sql.includes('SET (publish')
        if (isOfAll) await all.gap(++n)
        await watch(db, all, 't')
      }
      await within(10_000, 'all gaps', () => all.gaps.length >= n)
      await db.sql('ALTER TABLE t REPLICA IDENTITY FULL')
      const since = await watch(db, all, 't')
      assert.ok(since > 0n)
      await db.sql('INSERT INTO t VALUES (7, 7); INSERT INTO t VALUES (8, 8)')
      assert.deepEqual((await all.story()).slice(-2), ['7', '8'])
      assert.deepEqual(await db.sql(catalogue), before)
    },
  )

  test(
    `${version}: a publication that was dropped ends the feeds, and reading begins again when it is made anew`,
    { skip: skipVersion(version) },
    async () => {
      await using server = await PostgresServerUnderTest.start({ version })
      await using db = await preparedDatabase(server, tables, prepare)
      await using all = await following(db)
      await watch(db, all, 't')
      await db.sql(`INSERT INTO t VALUES (1, 1)`)
      assert.deepEqual(await all.story(), ['1'])
      await db.sql(`DROP PUBLICATION pg_changefeed`)
      await db.sql(`INSERT INTO t VALUES (2, 2)`)
      all.thread.checkNow()
      assert.match(await all.gap(), /publication "pg_changefeed" was dropped/)
      await within(10_000, 'an error', () => all.states.includes('retrying'))
      await db.sql(`INSERT INTO t VALUES (3, 3); CREATE PUBLICATION pg_changefeed FOR TABLE t, u; ${mark}`)
      assert.ok((await watch(db, all, 't')) > 0n)
      await db.sql(`INSERT INTO t VALUES (4, 4)`)
      const story = await all.story()
      assert.deepEqual([story[0], story.includes('gap'), story.at(-1)], ['1', true, '4'])
    },
  )

  test(
    `${version}: a table is watched since its writers of before have ended, who are named, and hold nobody up`,
    { skip: skipVersion(version) },
    async () => {
      await using server = await PostgresServerUnderTest.start({ version })
      await using db = await preparedDatabase(server, `${tables}; CREATE TABLE later (id int PRIMARY KEY)`, prepare)
      await using all = await following(db)
      await using writer = await db.connect()
      await writer.query('BEGIN; INSERT INTO later VALUES (1)')
      await assert.rejects(watch(db, all, 'later'), {
        message: /^table public\.later is not in publication pg_changefeed$/,
        hint: /runs: ALTER PUBLICATION pg_changefeed ADD TABLE ONLY public\.later$/,
      })
      await db.sql(`ALTER PUBLICATION pg_changefeed ADD TABLE later; GRANT SELECT ON later TO ${db.role}`)
      const told: string[] = []
      const relid = await relidOf(db, 'later')
      const ingest = { log: all.log, checkNow: () => all.thread.checkNow() }
      const watched = watchTables(db.source, [{ relid }], { ingest, progress: (what) => told.push(what) })
      await db.sql('INSERT INTO later VALUES (2)')
      await within(10_000, 'who is waited for', () => told.length > 0)
      assert.match(told[0] ?? '', /transactions that write to its tables: process \d+ of user "postgres"/)
      await writer.query('COMMIT')
      assert.ok(((await watched).get(relid)?.wall ?? 0n) > 0n)
      await db.sql('INSERT INTO later VALUES (3)')
      assert.equal((await all.story()).at(-1), '3')
      assert.deepEqual(all.gaps, [])
    },
  )
}

test('nothing is given back of a prepared source, and removing what is ours removes the slot and nothing else', async () => {
  await using server = await PostgresServerUnderTest.start()
  await using db = await preparedDatabase(server, tables, prepare)
  const before = await db.sql(catalogue)
  const all = await following(db)
  const relid = await relidOf(db, 't')
  const needed = (relids: readonly number[]) => () => Promise.resolve(new Set(relids))
  const none = { given: 0, isPrepared: true, busy: [] }
  assert.deepEqual(await giveBackTables(db.source, { needed: needed([relid]) }), { ...none, left: 1 })
  assert.deepEqual(await giveBackTables(db.source, { needed: needed([]) }), { ...none, left: 0 })
  const slots = 'SELECT count(*) FROM pg_replication_slots WHERE database = current_database()'
  assert.deepEqual(await db.sql(slots), [['1']])
  await all[Symbol.asyncDispose]()
  assert.equal(await uninstall(db.source), true)
  assert.deepEqual(await db.sql(slots), [['0']])
  assert.deepEqual(await db.sql(catalogue), before)
})

test(
  'all that tables lack is said at once, and its statements, run in their order, are enough',
  { skip: needsVersion(15) },
  async () => {
    await using server = await PostgresServerUnderTest.start()
    const more = `${tables}; CREATE SCHEMA "Odd one"; CREATE TABLE "Odd one".w (id int PRIMARY KEY, v text);
    ALTER TABLE "Odd one".w REPLICA IDENTITY NOTHING; ALTER TABLE u REPLICA IDENTITY NOTHING; ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (n) STORED`
    await using db = await preparedDatabase(
      server,
      more,
      () =>
        `CREATE PUBLICATION pg_changefeed FOR TABLE t WHERE (id > 0) WITH (publish = 'insert', publish_via_partition_root); ${mark}`,
    )
    await using all = await following(db)
    const ingest = { log: all.log, checkNow: () => all.thread.checkNow() }
    const [t, u, w] = [await relidOf(db, 't'), await relidOf(db, 'u'), await relidOf(db, '"Odd one".w')]
    const ask = (): Promise<unknown> =>
      watchTables(
        db.source,
        [{ relid: t }, { relid: u }, { relid: w, statements: ['it needs REPLICA IDENTITY FULL'] }],
        {
          ingest,
          signal: AbortSignal.timeout(20_000),
        },
      )
    const error = await ask().then(
      () => assert.fail('it is refused'),
      (reason: unknown) => reason as FeedError,
    )
    assert.match(
      error.message,
      /^table public\.t is in publication pg_changefeed, which does not publish every update, delete, truncate, and \d+ more things are missing$/,
    )
    for (const says of [
      /public\.t .* row filter/,
      /public\.u is not in publication/,
      /public\.u has no usable replica identity: it has REPLICA IDENTITY NOTHING/,
      /"Odd one"\.w needs REPLICA IDENTITY FULL for this changefeed, and has NOTHING/,
    ])
      assert.match(error.detail ?? '', says)
    const [, statements = '', tail = ''] = /runs: (.*); or what this prints, .*?: (.*)$/.exec(error.hint ?? '') ?? []
    assert.match(tail, /--role=\w+ '--tables=public\.t,public\.u,"Odd one"\.w'$/)
    await db.sql(statements)
    await ask()
  },
)
