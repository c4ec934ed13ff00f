// What is done to our publication, schema and event triggers so that changes go missing: each must be a gap that is named.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { unseen } from '../../test/support/unseen.ts'
import { versionOfTests } from '../../test/support/servers/server-of-tests.ts'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import { readLog } from '../../test/support/read-log.ts'
import { sqlOf } from '../source-schema/sql-files.ts'
import { watchTables } from './watch.ts'
import { following, slotIsFree } from '../../test/support/following.ts'
import { watch } from '../../test/support/source-writers.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

const lessening = [
  `ALTER PUBLICATION pg_changefeed SET (publish = 'insert')`,
  ...(versionOfTests >= 15 ? [`ALTER PUBLICATION pg_changefeed SET TABLE t WHERE (id <> 'lost')`] : []),
]

const alsoRefused = [
  'ALTER PUBLICATION pg_changefeed SET (publish_via_partition_root = true)',
  ...(versionOfTests >= 18 ? ['ALTER PUBLICATION pg_changefeed SET (publish_generated_columns = none)'] : []),
  ...(versionOfTests >= 15 ? ['ALTER PUBLICATION pg_changefeed SET TABLE t (id)'] : []),
]

test('a publication that publishes less than every row, whole, is refused; forced, it is a gap and is put right', async () => {
  await using db = await server.database()
  await using all = await following(db)
  await db.sql('CREATE TABLE t (id text PRIMARY KEY, v int)')
  const relid = await watch(db, 't')
  let since = (await watchTables(db.source, [{ relid }])).get(relid)?.wall ?? 0n
  for (const sql of alsoRefused) await assert.rejects(db.sql(sql), { sqlstate: '55006' }, sql)
  for (const [n, sql] of lessening.entries()) {
    await assert.rejects(db.sql(sql), { sqlstate: '55006' }, sql)
    await db.sql(unseen(sql))
    assert.match(await all.gap(n + 1), /lost public\.t: their changes were not published/, sql)
    await within(
      20_000,
      `${sql} to be mended`,
      async () => (await db.sql(`SELECT changefeed.published(${relid})`))[0]?.[0] === 't',
    )
    await db.sql(`INSERT INTO t VALUES ('after ${n}'); UPDATE t SET v = 1 WHERE id = 'after ${n}'`)
    assert.equal((await all.story()).filter((entry) => entry === `after ${n}`).length, 2, sql)
    // A cursor from before is refused.
    const again = (await watchTables(db.source, [{ relid }])).get(relid)?.wall ?? 0n
    assert.ok(again > since, sql)
    since = again
  }
  assert.equal(all.gaps.length, lessening.length)
})

test('a table that the next changefeed puts back into the publication is not quietly back for those before', async () => {
  await using db = await server.database()
  await using all = await following(db)
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  const relid = await watch(db, 't')
  await db.sql(unseen('ALTER PUBLICATION pg_changefeed DROP TABLE t'))
  await db.sql(`INSERT INTO t VALUES ('lost')`)
  // It comes back when the log names the gap: a feed that starts now starts behind it.
  await watchTables(db.source, [{ relid }])
  await db.sql(`INSERT INTO t VALUES ('2')`)
  assert.deepEqual(await all.story(), ['gap', '2'])
})

test('our schema dropped under a running ingest is a gap, and what the publication has is described anew', async () => {
  await using db = await server.database()
  await using all = await following(db)
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  await watch(db, 't')
  await db.sql(`INSERT INTO t VALUES ('1')`)
  await all.story()
  await db.sql(`${sqlOf(['release'])}DROP SCHEMA changefeed CASCADE`)
  assert.match(await all.gap(), /schema "changefeed" was dropped and made anew/)
  await within(
    10_000,
    'the table to be watched',
    async () => (await db.sql('SELECT FROM changefeed.watched')).length === 1,
  )
  await db.sql(`INSERT INTO t VALUES ('2')`)
  assert.deepEqual(await all.story(), ['1', 'gap', '2'])
})

test('a table dropped while event triggers were off is dropped in the log, too', async () => {
  await using db = await server.database()
  await using all = await following(db)
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  const relid = await watch(db, 't')
  await db.sql(unseen('DROP TABLE t'))
  const dropped = (): boolean =>
    readLog(db.dir, all.head).some(
      (event) =>
        event.tag === 'transaction' &&
        event.schemas.some((json) => {
          const description = JSON.parse(json) as { relid: number; dropped?: boolean }
          return description.relid === relid && description.dropped === true
        }),
    )
  await within(20_000, 'the description', dropped)
  assert.deepEqual(all.gaps, [])
})

test('an event trigger that somebody has switched off is switched on again: what it missed is a gap, and described', async () => {
  await using db = await server.database()
  await using all = await following(db)
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  await watch(db, 't')
  await db.sql('ALTER EVENT TRIGGER pg_changefeed_ddl DISABLE')
  await db.sql('ALTER TABLE t ADD COLUMN missed int')
  const described = (): boolean =>
    readLog(db.dir, all.head).some(
      (event) => event.tag === 'transaction' && event.schemas.some((json) => json.includes('"missed"')),
    )
  await within(20_000, 'the description', described)
  assert.deepEqual(await db.sql(`SELECT evtenabled FROM pg_event_trigger WHERE evtname = 'pg_changefeed_ddl'`), [['A']])
  assert.match(await all.gap(), /event trigger pg_changefeed_ddl was switched off, altered or removed/)
})

test('what passes the publication while its event triggers are off is a gap, even if somebody puts all back', async () => {
  await using db = await server.database()
  await using all = await following(db)
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  await watch(db, 't')
  const triggers = ['pg_changefeed_publication', 'pg_changefeed_publication_drop']
  const set = (state: string): string => triggers.map((name) => `ALTER EVENT TRIGGER ${name} ${state};`).join(' ')
  await db.sql(
    `${set('DISABLE')} ALTER PUBLICATION pg_changefeed DROP TABLE t; INSERT INTO t VALUES ('lost'); ALTER PUBLICATION pg_changefeed ADD TABLE t; ${set('ENABLE ALWAYS')}`,
  )
  assert.match(await all.gap(), /pg_changefeed_publication, pg_changefeed_publication_drop was switched off/)
  await db.sql(`INSERT INTO t VALUES ('after')`)
  assert.equal((await all.story()).at(-1), 'after')
})

test('DDL that event triggers did not see is a gap of its table, and of no other, before it is taken in', async () => {
  await using db = await server.database()
  await using all = await following(db)
  await db.sql('CREATE TYPE pair AS (x int, y int)')
  await db.sql('CREATE TABLE k (id text PRIMARY KEY, v int NOT NULL); CREATE TABLE s (id text PRIMARY KEY, p pair)')
  await db.sql('CREATE TABLE other (id text PRIMARY KEY)')
  const relids: number[] = []
  for (const table of ['k', 's', 'other']) relids.push(await watch(db, table))
  await db.sql('ALTER TABLE k ADD COLUMN seen int; ALTER TYPE pair ADD ATTRIBUTE z int')
  await all.story()
  assert.deepEqual(all.gaps, [])
  await db.sql(unseen('ALTER TABLE k DROP CONSTRAINT k_pkey, ADD PRIMARY KEY (v)'))
  await db.sql(
    unseen(
      'ALTER TYPE pair RENAME x TO q; ALTER TYPE pair RENAME y TO x; ALTER TYPE pair RENAME q TO y'.replaceAll(
        'RENAME',
        'RENAME ATTRIBUTE',
      ),
    ),
  )
  // The next attempt looks at once.
  await db.sql(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  )
  assert.match(await all.gap(), /DDL changed public\.k, public\.s and our event triggers did not see it/)
  const gap = readLog(db.dir, all.head).find((event) => event.tag === 'gap')
  assert.deepEqual(gap?.tag === 'gap' ? gap.relids : undefined, relids.slice(0, 2))
  await within(
    20_000,
    'the descriptions',
    async () => (await db.sql(`SELECT FROM changefeed.missed('{${relids}}')`)).length === 0,
  )
  assert.equal(all.gaps.length, 1)
})

test('DDL that event triggers did not see is a gap also where the next changefeed describes the table', async () => {
  await using db = await server.database()
  await using all = await following(db)
  await db.sql('CREATE TABLE t (id text PRIMARY KEY, v int NOT NULL)')
  const relid = await watch(db, 't')
  await all.story()
  await db.sql(
    unseen('ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (v); ALTER TABLE t REPLICA IDENTITY DEFAULT'),
  )
  await watchTables(db.source, [{ relid, statements: ['ALTER TABLE public.t REPLICA IDENTITY FULL'] }])
  assert.match(await all.gap(), /DDL changed public\.t and our event triggers did not see it/)
})

test('an upgrade of what is installed is no gap', async () => {
  await using db = await server.database()
  const state = async (): Promise<string | null | undefined> =>
    (await db.sql('SELECT token FROM changefeed.source'))[0]?.[0]
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  await watch(db, 't')
  const token = await state()
  // An earlier version had fewer event triggers, and no marks on them.
  await db.sql(
    `${sqlOf(['release'])}DROP EVENT TRIGGER pg_changefeed_rewrite; COMMENT ON EVENT TRIGGER pg_changefeed_ddl IS NULL; COMMENT ON SCHEMA changefeed IS '${'0'.repeat(64)}'; UPDATE changefeed.watched SET description = jsonb_set(description, '{columns,0,shape,name}', '"earlier words"')`,
  )
  await watch(db, 't')
  assert.equal(await state(), token)
  assert.deepEqual(await db.sql(`SELECT FROM changefeed.missed(ARRAY(SELECT relid FROM changefeed.watched))`), [])
  assert.deepEqual(await db.sql('SELECT count(*) FROM pg_event_trigger'), [['5']])
})

test('a publication that was dropped while nobody looked is a gap, before anything is closed behind it', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  const before = await following(db)
  const relid = await watch(db, 't')
  await db.sql(`INSERT INTO t VALUES ('published')`)
  await before.story()
  await before.thread.stop()
  await slotIsFree(db)
  await db.sql(unseen('DROP PUBLICATION pg_changefeed'))
  await db.sql(`INSERT INTO t VALUES ('lost')`)
  await using all = await following(db)
  assert.match(await all.gap(), /publication "pg_changefeed" was dropped/)
  await within(
    10_000,
    'the table to be back',
    async () => (await db.sql(`SELECT changefeed.published(${relid})`))[0]?.[0] === 't',
  )
  await db.sql(`INSERT INTO t VALUES ('again')`)
  // Before PostgreSQL 18 what was written cannot be decoded, and the table is found unpublished besides.
  const story = await all.story()
  assert.deepEqual(
    story.filter((entry, i) => entry !== story[i - 1]),
    ['published', 'gap', 'again'],
  )
  const events = readLog(db.dir, all.head)
  const since = events.slice(events.findIndex((event) => event.tag === 'transaction' && event.rows.length > 0) + 1)
  const lost = await db.sql(
    `SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint FROM t WHERE id = 'lost'`,
  )
  const early = since.slice(
    0,
    since.findIndex((event) => event.tag === 'gap'),
  )
  assert.ok(early.every((event) => event.tag !== 'closed' || event.ts.wall < BigInt(lost[0]?.[0] ?? '0') * 1000n))
})
