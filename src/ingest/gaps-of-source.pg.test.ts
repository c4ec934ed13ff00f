// Another source in the place of ours, or one that has lost what we need: a gap that is named, where changes are missing.

import assert from 'node:assert/strict'
import { appendFileSync, cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { needsVersion, versionOfTests } from '../../test/support/servers/server-of-tests.ts'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import { readLog } from '../../test/support/read-log.ts'
import { following, slotIsFree } from '../../test/support/following.ts'
import { watch } from '../../test/support/source-writers.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

/** Far less than, and far more than, what is worth a bulk pull. */
const copyCommits = [
  { rows: 40, filler: 10 },
  { rows: 20_000, filler: 1000 },
] as const

/** Before version 17 PostgreSQL does not save where a slot is when it stops, so rows in front of it come again. */
const again = (rows: readonly string[]): readonly string[] => (versionOfTests < 17 ? rows : [])

test('a source that was restored from a backup is a gap, and what it commits from then on comes', async () => {
  await using db = await server.database()
  {
    await using all = await following(db)
    await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
    await watch(db, 't')
    await db.sql(`INSERT INTO t VALUES ('1')`)
    await all.story()
  }
  await server.restart((dir) => cpSync(dir, `${dir}-backup`, { recursive: true, preserveTimestamps: true }))
  {
    await using all = await following(db)
    await db.sql(`INSERT INTO t SELECT 'undone ' || g FROM generate_series(1, 1000) g`)
    assert.equal((await all.story()).length, 1001)
  }
  await server.restart((dir) => {
    rmSync(dir, { recursive: true })
    cpSync(`${dir}-backup`, dir, { recursive: true })
    rmSync(`${dir}-backup`, { recursive: true })
    server.own(dir)
  })
  await using all = await following(db)
  assert.match(await all.gap(), /goes up to \S+ only .*restored from a backup/)
  await db.sql(`INSERT INTO t VALUES ('2')`)
  const story = await all.story()
  assert.deepEqual(story.slice(story.indexOf('gap')), ['gap', ...again(['1']), '2'])
})

test('a source that goes on along another timeline is followed there', async () => {
  await using db = await server.database()
  {
    await using all = await following(db)
    await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
    await watch(db, 't')
    await db.sql(`INSERT INTO t VALUES ('1')`)
    await all.story()
  }
  await db.sql(`INSERT INTO t VALUES ('2')`)
  await server.restart((dir) => {
    writeFileSync(join(dir, 'recovery.signal'), '')
    appendFileSync(join(dir, 'postgresql.auto.conf'), `restore_command = 'false'\n`)
    server.own(dir)
  })
  await within(20_000, 'the end of recovery', async () => (await db.sql('SELECT pg_is_in_recovery()'))[0]?.[0] === 'f')
  assert.deepEqual(await db.sql('SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)'), [['00000002']])
  for (const id of ['3', '4']) {
    await using all = await following(db)
    await db.sql(`INSERT INTO t VALUES ('${id}')`)
    assert.deepEqual(await all.story(), ['1', '2', '3', '4'].slice(0, Number(id)))
    assert.deepEqual(all.gaps, [])
  }
})

test('a slot that PostgreSQL has given up because it kept too much WAL is a gap', async () => {
  await using db = await server.database()
  {
    await using all = await following(db)
    await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
    await watch(db, 't')
    await all.story()
  }
  await db.sql(`INSERT INTO t VALUES ('lost')`)
  await slotIsFree(db)
  await db.sql(`ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'`)
  await db.sql('SELECT pg_reload_conf()')
  await within(20_000, 'the slot to be lost', async () => {
    await db.sql(`CREATE TABLE filler AS SELECT g FROM generate_series(1, 1000) g; DROP TABLE filler`)
    await db.sql('SELECT pg_switch_wal()')
    await db.sql('CHECKPOINT')
    const [row] = await db.sql('SELECT wal_status FROM pg_replication_slots WHERE database = current_database()')
    return row?.[0] === 'lost'
  })
  await db.sql('ALTER SYSTEM RESET max_slot_wal_keep_size')
  await db.sql('SELECT pg_reload_conf()')
  await using all = await following(db)
  assert.match(
    await all.gap(),
    /was invalidated \(wal_removed: .*max_slot_wal_keep_size.*\): changes after \S+ are missing/,
  )
  await db.sql(`INSERT INTO t VALUES ('2')`)
  assert.deepEqual(await all.story(), ['gap', '2'])
})

test('a copy of the source, with the same identity, slot and timeline, is a gap; what it commits comes', async () => {
  for (const { rows, filler } of copyCommits) {
    await using db = await server.database()
    await db.sql('CREATE TABLE t (id text PRIMARY KEY, filler text)')
    await using first = await following(db)
    await watch(db, 't')
    await db.sql(`INSERT INTO t VALUES ('both')`)
    await first.story()
    await first.thread.stop()
    await slotIsFree(db)
    await server.restart((dir) => cpSync(dir, `${dir}-copy`, { recursive: true, preserveTimestamps: true }))
    await using original = await following(db)
    await db.sql(`INSERT INTO t VALUES ('original 1'); INSERT INTO t VALUES ('original 2')`)
    assert.deepEqual(await original.story(), ['both', 'original 1', 'original 2'])
    await original.thread.stop()
    await slotIsFree(db)
    await server.restart((dir) => {
      rmSync(dir, { recursive: true, force: true })
      cpSync(`${dir}-copy`, dir, { recursive: true, preserveTimestamps: true })
      rmSync(`${dir}-copy`, { recursive: true, force: true })
      server.own(dir)
    })
    // Its WAL grows past where the log ends; else the copy would be taken for a source that was restored from a backup.
    await db.sql(`SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000))`)
    const perCommit = rows / 40
    for (let i = 0; i < rows; i += perCommit)
      await db.sql(
        `INSERT INTO t SELECT 'copy ' || g, repeat('x', ${filler}) FROM generate_series(${i}, ${i + perCommit - 1}) g`,
      )
    await using copy = await following(db)
    assert.match(await copy.gap(), /this is a copy of the source/)
    const story = await copy.story()
    const gap = story.indexOf('gap')
    assert.deepEqual(story.slice(0, gap), ['both', 'original 1', 'original 2'])
    assert.deepEqual(story.slice(gap + 1), [...again(['both']), ...Array.from({ length: rows }, (_, i) => `copy ${i}`)])
    assert.equal(copy.states.includes('pulling'), rows > 40)
    assert.equal(copy.gaps.length, 1)
  }
})

test('a copy is known for one also where bulk pulls read it, and a source that was killed is not taken for one', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id text PRIMARY KEY, filler text)')
  await using all = await following(db)
  await watch(db, 't')
  await db.sql(`INSERT INTO t VALUES ('one')`)
  await all.story()
  await all.thread.stop()
  for (let i = 0; i < 3; i++) {
    await slotIsFree(db)
    await using again = await following(db)
    await db.sql(`INSERT INTO t VALUES ('again ${i}')`)
    await again.story()
    // The slot on the disk is older than the log.
    process.kill(server.pid, 'SIGKILL')
    await again.thread.stop()
    await server.restart()
    assert.deepEqual(again.gaps, [])
  }
  await db.sql(`INSERT INTO t SELECT g::text, repeat('x', 1000) FROM generate_series(1, 20000) g`)
  await using last = await following(db)
  const story = await last.story()
  assert.deepEqual(story.slice(0, 4), ['one', 'again 0', 'again 1', 'again 2'])
  assert.equal(story.length, 20_004)
  assert.deepEqual(last.gaps, [])
})

// pg_walinspect tells whose change it is.
test(
  'a change that PostgreSQL cannot decode ends the feeds of its table, and no other',
  {
    skip: needsVersion(15),
  },
  async () => {
    await using db = await server.database()
    await using all = await following(db)
    await db.sql(`CREATE TYPE e AS ENUM ('good', 'bad'); CREATE TABLE kept (v e); INSERT INTO kept VALUES ('bad');
    CREATE TABLE broken (id text PRIMARY KEY, v e, large text); CREATE TABLE fine (id text PRIMARY KEY)`)
    const broken = await watch(db, 'broken')
    await watch(db, 'fine')
    await db.sql(`INSERT INTO broken VALUES ('before', 'good'); INSERT INTO fine VALUES ('before')`)
    await db.sql(`DELETE FROM pg_enum WHERE enumlabel = 'bad'`)
    await db.sql(`INSERT INTO fine VALUES ('between')`)
    await db.sql(
      `BEGIN; SAVEPOINT s; INSERT INTO broken SELECT 'never', v, (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 1000) g) FROM kept; COMMIT`,
    )
    await db.sql(`INSERT INTO fine VALUES ('after'); INSERT INTO broken VALUES ('after', 'good')`)
    assert.match(
      await all.gap(),
      /cannot decode a transaction that changes public\.broken \(up to .*invalid internal value for enum/,
    )
    assert.deepEqual(await all.story(), ['before', 'before', 'between', 'gap', 'after', 'after'])
    const gap = readLog(db.dir, all.head).find((event) => event.tag === 'gap')
    assert.deepEqual(gap?.tag === 'gap' ? gap.relids : undefined, [broken])
    await within(5000, 'the trouble to be over', () => all.thread.trouble.now === undefined)
    const [held] = await db.sql(
      `SELECT confirmed_flush_lsn >= pg_current_wal_lsn() - 1000000 FROM pg_replication_slots WHERE database = current_database()`,
    )
    assert.deepEqual(held, ['t'])
    assert.deepEqual(await db.sql(`SELECT FROM pg_extension WHERE extname = 'pg_walinspect'`), [])
  },
)
