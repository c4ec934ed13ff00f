// Everything that can make changes go missing behind our back, done to a real PostgreSQL: each must be named.

import assert from 'node:assert/strict'
import { appendFileSync, closeSync, cpSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { openChangelog } from '../changelog/open-changelog.ts'
import { listSegments } from '../changelog/files/segment.ts'
import { IngestUnderTest } from '../../test/support/ingest-under-test.ts'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import { type LogEvent } from '../../test/support/read-log.ts'
import { readLog } from '../../test/support/read-log.ts'
import { sqlOf } from '../source-schema/sql-files.ts'
import { watchTables } from './watch.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

class Following extends IngestUnderTest {
  /** Rows (their first columns) and gaps, in the order of the log, of all that is committed now. */
  async story(): Promise<string[]> {
    await this.caughtUp()
    return this.events().flatMap(told)
  }

  async gap(count = 1): Promise<string> {
    await within(20_000, 'the gap', () => this.gaps.length >= count)
    return this.gaps.at(-1) ?? ''
  }
}

function told(event: LogEvent): string[] {
  if (event.tag === 'gap') return ['gap']
  return event.tag === 'closed' ? [] : event.rows.map(({ first }) => first)
}

async function following(db: TestDatabase): Promise<Following> {
  const all = new Following(db)
  await all.thread.ready
  return all
}

async function watch(db: TestDatabase, table: string): Promise<number> {
  const relid = Number((await db.sql(`SELECT '${table}'::regclass::oid`))[0]?.[0])
  await watchTables(db.source, [{ relid }])
  return relid
}

/** Changes the first byte of `word` in the file, and no other byte: the server may be appending to the file meanwhile. */
function spoil(path: string, word: string): void {
  const file = openSync(path, 'r+')
  try {
    writeSync(file, 'P', readFileSync(path).indexOf(word))
  } finally {
    closeSync(file)
  }
}

async function slotIsFree(db: TestDatabase): Promise<void> {
  await within(10_000, 'the slot to be free', async () => {
    const active = await db.sql('SELECT FROM pg_replication_slots WHERE active AND database = current_database()')
    return active.length === 0
  })
}

const lessening = [
  `ALTER PUBLICATION pg_changefeed SET (publish = 'insert')`,
  `ALTER PUBLICATION pg_changefeed SET TABLE t WHERE (id <> 'lost')`,
]
const alsoRefused = [
  'ALTER PUBLICATION pg_changefeed SET (publish_via_partition_root = true)',
  'ALTER PUBLICATION pg_changefeed SET (publish_generated_columns = none)',
  'ALTER PUBLICATION pg_changefeed SET TABLE t (id)',
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
    await db.sql(`SET event_triggers = off; ${sql}`)
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
  await db.sql(`SET event_triggers = off; ALTER PUBLICATION pg_changefeed DROP TABLE t`)
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
  await db.sql('SET event_triggers = off; DROP TABLE t')
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
  await db.sql('SET event_triggers = off; ALTER TABLE k DROP CONSTRAINT k_pkey, ADD PRIMARY KEY (v)')
  await db.sql(
    'SET event_triggers = off; ALTER TYPE pair RENAME x TO q; ALTER TYPE pair RENAME y TO x; ALTER TYPE pair RENAME q TO y'.replaceAll(
      'RENAME',
      'RENAME ATTRIBUTE',
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
    'SET event_triggers = off; ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (v); ALTER TABLE t REPLICA IDENTITY DEFAULT',
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
  assert.deepEqual(story.slice(story.indexOf('gap')), ['gap', '2'])
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
  assert.match(await all.gap(), /was invalidated \(wal_removed\): changes after \S+ are missing/)
  await db.sql(`INSERT INTO t VALUES ('2')`)
  assert.deepEqual(await all.story(), ['gap', '2'])
})

test('a log that somebody has removed begins anew, and a cursor from before is refused', async () => {
  await using db = await server.database()
  let before
  {
    await using all = await following(db)
    await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
    await watch(db, 't')
    await db.sql(`INSERT INTO t VALUES ('1')`)
    await all.story()
    before = { wall: all.head.resolvedWall, logical: 0 }
  }
  await db.sql(`INSERT INTO t VALUES ('lost')`)
  rmSync(db.dir, { recursive: true })
  await slotIsFree(db)
  await using all = await following(db)
  const log = openChangelog(all.handle)
  assert.throws(() => log.readAfter(before), { code: 'FEED_CURSOR_TOO_OLD' })
  await db.sql(`INSERT INTO t VALUES ('2')`)
  assert.deepEqual(await all.story(), ['2'])
})

test('bytes that the disk has changed in the middle of the log are a gap that names file and position', async () => {
  await using db = await server.database()
  {
    await using all = await following(db)
    await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
    await watch(db, 't')
    for (const id of ['1', 'precious', '3']) {
      await db.sql(`INSERT INTO t VALUES ('${id}')`)
      await all.story()
    }
  }
  const segment = listSegments(db.dir).at(-1) as { path: string }
  spoil(segment.path, 'precious')
  await slotIsFree(db)
  await using all = await following(db)
  assert.match(
    await all.gap(),
    /changelog is damaged \(.*\.log: the changelog block at position \d+ fails its checksum/,
  )
  await db.sql(`INSERT INTO t VALUES ('4')`)
  assert.deepEqual(await all.story(), ['1', 'gap', '4'])
})

test('bytes that change under readers stop ingest for good; readers hear of it, and so does who asks next', async () => {
  await using db = await server.database()
  await using all = await following(db)
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  await watch(db, 't')
  await db.sql(`INSERT INTO t VALUES ('precious')`)
  await all.story()
  using reader = openChangelog(all.handle).readFrom(all.head.head)
  const segment = listSegments(db.dir).at(-1) as { path: string }
  spoil(segment.path, 'precious')
  // The connection goes, and the next attempt opens the log.
  await db.sql(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active`)
  await within(20_000, 'ingest to stop', () => all.thread.state.tag === 'failed')
  assert.throws(() => {
    while (reader.next() !== undefined);
  }, /not written any more: the changelog in .* was durable up to position \d+ and can be read up to \d+ only/)
  await assert.rejects(all.thread.ready, { code: 'FEED_LOG_CORRUPT' })
})

/** Far less than, and far more than, what is worth a bulk pull. */
const copyCommits = [
  { rows: 40, filler: 10 },
  { rows: 20_000, filler: 1000 },
] as const

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
    assert.deepEqual(
      story.slice(gap + 1),
      Array.from({ length: rows }, (_, i) => `copy ${i}`),
    )
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

test('a change that PostgreSQL cannot decode ends the feeds of its table, and no other', async () => {
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
  await db.sql(`SET event_triggers = off; DROP PUBLICATION pg_changefeed`)
  await db.sql(`INSERT INTO t VALUES ('lost')`)
  await using all = await following(db)
  assert.match(await all.gap(), /publication "pg_changefeed" was dropped/)
  await within(
    10_000,
    'the table to be back',
    async () => (await db.sql(`SELECT changefeed.published(${relid})`))[0]?.[0] === 't',
  )
  await db.sql(`INSERT INTO t VALUES ('again')`)
  assert.deepEqual(await all.story(), ['published', 'gap', 'again'])
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
