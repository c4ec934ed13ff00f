import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { Turns } from '../async/turns.ts'
import type { TableDescription } from '../core/table.ts'
import { IngestUnderTest } from '../../test/support/ingest-under-test.ts'
import { unseen } from '../../test/support/unseen.ts'
import { versionOfTests } from '../../test/support/servers/server-of-tests.ts'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import { type LogEvent } from '../../test/support/read-log.ts'
import { sqlOf } from '../source-schema/sql-files.ts'
import { watchTables } from './watch.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

class Watching extends IngestUnderTest {
  async allEvents(): Promise<LogEvent[]> {
    await this.caughtUp()
    return this.events()
  }

  /** Rows and descriptions in the order of the log: `row <first column>`, `<name>(<columns>)`, `gap`. */
  async story(): Promise<string[]> {
    return (await this.allEvents()).flatMap((event) => {
      if (event.tag === 'gap') return ['gap']
      if (event.tag === 'closed') return []
      return event.records.map((text) => (text.startsWith('{') ? told(text) : text))
    })
  }
}

function told(json: string): string {
  const { schema, name, columns, dropped } = JSON.parse(json) as TableDescription
  return `${schema}.${name}(${columns.map((column) => column.name).join()})${dropped === true ? ' dropped' : ''}`
}

async function relidOf(db: TestDatabase, table: string): Promise<number> {
  return Number((await db.sql(`SELECT '${table}'::regclass::oid`))[0]?.[0])
}

test('a table is watched from one exact point on, however its writers overlap with it', async () => {
  await using db = await server.database()
  await using watching = new Watching(db)
  await watching.thread.ready
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  const relid = await relidOf(db, 't')
  const open = await db.connect()
  await open.query(`BEGIN; INSERT INTO t VALUES ('before')`)
  const watched = watchTables(db.source, [{ relid }])
  await within(
    5000,
    'a lock that waits',
    async () => (await db.sql(`SELECT FROM pg_locks WHERE relation = ${relid} AND NOT granted`)).length > 0,
  )
  // Others get through while the lock is waited for.
  const startedAt = Date.now()
  await db.sql(`INSERT INTO t VALUES ('meanwhile')`)
  assert.ok(Date.now() - startedAt < 2000)
  await open.query('COMMIT')
  await open.close()
  const since = (await watched).get(relid)
  assert.ok(since !== undefined && since.wall > BigInt(startedAt) * 1_000_000n)
  await db.sql(`INSERT INTO t VALUES ('after')`)
  assert.deepEqual(await watching.story(), ['public.t(id)', 'row after'])
})

test('a table that is watched as wanted is not locked again', async () => {
  await using db = await server.database()
  await using watching = new Watching(db)
  await watching.thread.ready
  await db.sql('CREATE TABLE "Odd ""name" (id int PRIMARY KEY)')
  const relid = await relidOf(db, '"Odd ""name"')
  const full = { relid, statements: ['ALTER TABLE public."Odd ""name" REPLICA IDENTITY FULL'] }
  const first = await watchTables(db.source, [{ relid }])
  const withFull = await watchTables(db.source, [full])
  assert.deepEqual(withFull, first)
  assert.deepEqual(await db.sql(`SELECT relreplident FROM pg_class WHERE oid = ${relid}`), [['f']])
  const holder = await db.connect()
  await holder.query('BEGIN; LOCK TABLE "Odd ""name" IN ACCESS EXCLUSIVE MODE')
  assert.deepEqual(await watchTables(db.source, [{ relid }]), first)
  assert.deepEqual(await watchTables(db.source, [full]), first)
  await holder.close()
  const identities = (await watching.allEvents()).flatMap((event) =>
    event.tag === 'transaction' ? event.schemas.map((json) => (JSON.parse(json) as TableDescription).identity) : [],
  )
  assert.equal(identities[0], 'd')
  assert.equal(identities.at(-1), 'f')
})

test('a table that stays locked, or is gone, is named', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id int PRIMARY KEY)')
  const relid = await relidOf(db, 't')
  const holder = await db.connect()
  await holder.query('BEGIN; INSERT INTO t VALUES (1)')
  await assert.rejects(watchTables(db.source, [{ relid }], { lockDeadlineMs: 500 }), {
    code: 'FEED_STATE',
    sqlstate: '55P03',
    message: new RegExp(
      `public\\.t could not be locked within 0.5 s: it is in use by process ${holder.backendPid} of user "\\w+" \\(pg-changefeed\\), idle in transaction`,
    ),
    hint: /pg_locks/,
  })
  await holder.close()
  await db.sql('DROP TABLE t')
  await assert.rejects(watchTables(db.source, [{ relid }]), { code: 'FEED_NO_TABLE' })
})

test('DDL of an ordinary role stands in the log exactly between the rows around it', async () => {
  await using db = await server.database()
  await using watching = new Watching(db)
  await watching.thread.ready
  await db.sql(
    `DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN; CREATE SCHEMA s AUTHORIZATION plain; GRANT CREATE ON DATABASE ${db.source.database} TO plain`,
  )
  const plain = await db.connect('plain')
  await plain.query(
    `CREATE TABLE s.t (id text PRIMARY KEY); CREATE TYPE s.colour AS ENUM ('red'); CREATE TABLE s.u (id text PRIMARY KEY)`,
  )
  await watchTables(db.source, [{ relid: await relidOf(db, 's.t') }, { relid: await relidOf(db, 's.u') }])
  await plain.query(`INSERT INTO s.t VALUES ('1')`)
  await plain.query(`ALTER TABLE s.t ADD COLUMN a int; INSERT INTO s.t VALUES ('2')`)
  await plain.query(`BEGIN; ALTER TABLE s.t ADD COLUMN never int; ROLLBACK`)
  await plain.query(
    `BEGIN; SAVEPOINT p; ALTER TABLE s.t ADD COLUMN never int; ROLLBACK TO p; ALTER TABLE s.t RENAME a TO b; COMMIT`,
  )
  await plain.query(`INSERT INTO s.t VALUES ('3'); ALTER TABLE s.t RENAME TO t2; INSERT INTO s.t2 VALUES ('4')`)
  // What concerns no watched table says nothing and costs nobody anything.
  await plain.query(
    `CREATE TABLE s.other AS SELECT 1 AS x; CREATE INDEX ON s.other (x); ALTER TABLE s.other ADD COLUMN y int; DROP TABLE s.other`,
  )
  await plain.query(
    `CREATE TEMP TABLE temporary (x int); ALTER TABLE temporary ADD y int; DROP TABLE temporary; SELECT 1 AS z INTO TEMP another`,
  )
  await plain.query(
    `BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; ALTER TABLE s.t2 ADD COLUMN c s.colour; INSERT INTO s.t2 VALUES ('5'); COMMIT`,
  )
  await plain.query(`ALTER TYPE s.colour ADD VALUE 'blue'; ALTER SCHEMA s RENAME TO r; INSERT INTO r.t2 VALUES ('6')`)
  await plain.query(`DROP TABLE r.u; DROP SCHEMA r CASCADE`)
  await plain.close()
  assert.deepEqual(await watching.story(), [
    's.t(id)',
    's.u(id)',
    'row 1',
    's.t(id,a)',
    'row 2',
    's.t(id,b)',
    'row 3',
    's.t2(id,b)',
    'row 4',
    's.t2(id,b,c)',
    'row 5',
    'r.t2(id,b,c)',
    'r.u(id)',
    'row 6',
    'r.u(id) dropped',
    'r.t2(id,b,c) dropped',
  ])
  assert.deepEqual(await db.sql('SELECT FROM changefeed.watched'), [])
  await db.sql('DROP OWNED BY plain; DROP ROLE plain')
})

test('the publication cannot be taken away by mistake; taken away by force, the log names the gap and goes on', async () => {
  await using db = await server.database()
  await using watching = new Watching(db)
  await watching.thread.ready
  await db.sql('CREATE TABLE t (id text PRIMARY KEY); CREATE TABLE u (id text PRIMARY KEY)')
  const tables = [{ relid: await relidOf(db, 't') }, { relid: await relidOf(db, 'u') }]
  const since = await watchTables(db.source, tables)
  for (const sql of [
    'DROP PUBLICATION pg_changefeed',
    'ALTER PUBLICATION pg_changefeed DROP TABLE t',
    'ALTER PUBLICATION pg_changefeed RENAME TO x',
  ]) {
    await assert.rejects(db.sql(sql), { sqlstate: '55006', message: /in use by changefeeds/ })
  }
  await db.sql(`INSERT INTO t VALUES ('1')`)
  await db.sql(unseen('DROP PUBLICATION pg_changefeed'))
  await db.sql(`INSERT INTO t VALUES ('lost')`)
  await within(20_000, 'the gap', () => watching.gaps.length > 0)
  const named =
    versionOfTests >= 18
      ? /publication "pg_changefeed" was dropped or lost public\.t, public\.u/
      : /cannot decode .*publication "pg_changefeed" does not exist; the changes up to \S+ are missing/
  assert.match(watching.gaps[0] ?? '', named)
  await within(
    20_000,
    'the tables to be back',
    async () => (await db.sql(`SELECT FROM pg_publication_tables WHERE pubname = 'pg_changefeed'`)).length === 3,
  )
  await db.sql(`INSERT INTO t VALUES ('2')`)
  const story = await watching.story()
  const told = story.filter((entry) => entry.startsWith('row') || entry === 'gap')
  // Before PostgreSQL 18 what was written cannot be decoded, and the tables are found unpublished besides.
  assert.deepEqual(
    told.filter((entry, i) => entry !== told[i - 1]),
    ['row 1', 'gap', 'row 2'],
  )
  // A cursor from before the gap must be refused.
  const again = await watchTables(db.source, tables)
  for (const { relid } of tables) assert.ok((again.get(relid)?.wall ?? 0n) > (since.get(relid)?.wall ?? 0n))
  assert.equal(watching.gaps.length, told.filter((entry) => entry === 'gap').length)
})

test('our schema can be removed and comes back', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  const relid = await relidOf(db, 't')
  await watchTables(db.source, [{ relid }])
  await db.sql(`${sqlOf(['release'])}DROP SCHEMA changefeed CASCADE; ALTER TABLE t ADD COLUMN a int`)
  assert.ok((await watchTables(db.source, [{ relid }])).get(relid) !== undefined)
  assert.deepEqual(await db.sql(`SELECT count(*) FROM pg_event_trigger WHERE evtname = 'pg_changefeed_ddl'`), [['1']])
})

test('nobody but a superuser can forge a description or stop ingest, whatever else they may read and write', async () => {
  await using db = await server.database()
  await using watching = new Watching(db)
  await watching.thread.ready
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  await watchTables(db.source, [{ relid: await relidOf(db, 't') }])
  await db.sql('CREATE ROLE curious LOGIN; CREATE ROLE reader LOGIN; CREATE ROLE writer LOGIN')
  await db.sql('GRANT pg_read_all_data TO reader, writer; GRANT pg_write_all_data TO writer')
  const message = (prefix: string, text: string): string => `SELECT pg_logical_emit_message(true, ${prefix}, ${text})`
  const forged: Readonly<Record<string, readonly string[]>> = {
    curious: [
      'SELECT token FROM changefeed.source',
      'SELECT changefeed.on_ddl()',
      "SELECT changefeed.look(0, 100, '{}')",
      message("'pg_changefeed:x'", "'not json'"),
    ],
    reader: [
      `${message("'pg_changefeed:' || token", "'not json'")} FROM changefeed.source`,
      `${message("'pg_changefeed:' || token", `(SELECT (description || '{"dropped": true}')::text FROM changefeed.watched)`)} FROM changefeed.source`,
      `UPDATE changefeed.watched SET description = '{}'`,
    ],
    writer: [
      `UPDATE changefeed.watched SET description = '{}'`,
      `INSERT INTO changefeed.watched (relid, description) VALUES (1, '{}')`,
      'DELETE FROM changefeed.watched',
      `UPDATE changefeed.source SET token = ''`,
      `SET session_replication_role = replica`,
    ],
  }
  for (const [role, statements] of Object.entries(forged)) {
    const connection = await db.connect(role)
    for (const sql of statements) {
      if (sql.includes('pg_logical_emit_message')) await connection.query(sql)
      else await assert.rejects(connection.query(sql), { sqlstate: '42501' }, `${role}: ${sql}`)
    }
    await connection.close()
  }
  // Even who may write the list cannot stop ingest by it.
  await db.sql(`INSERT INTO changefeed.watched (relid, description) VALUES (1, '{"relid": "x"}')`)
  await db.sql(`INSERT INTO t VALUES ('1')`)
  assert.deepEqual(
    (await watching.story()).filter((entry) => entry !== 'public.t(id)'),
    ['row 1'],
  )
  assert.deepEqual(watching.gaps, [])
  await db.sql('DROP ROLE curious, reader, writer')
})

test('of many tables those that are free do not wait for one that is not, and who leaves leaves no lock behind', async () => {
  await using db = await server.database()
  const count = 200
  for (let i = 0; i < count; i++) await db.sql(`CREATE TABLE m${i} (id int PRIMARY KEY, v text)`)
  const rows = await db.sql(`SELECT oid::text, relname FROM pg_class WHERE relname ~ '^m\\d+$'`)
  const tables = rows.map(([oid, name]) => ({
    relid: Number(oid),
    statements: [`ALTER TABLE public.${name} REPLICA IDENTITY FULL`],
  }))
  const holder = await db.connect()
  await holder.query('BEGIN; INSERT INTO m100 VALUES (1)')
  const leaving = new AbortController()
  const watched = watchTables(db.source, tables, { signal: leaving.signal })
  const ended = assert.rejects(watched, /nobody waits/)
  const busy = tables.find((_, i) => rows[i]?.[1] === 'm100')?.relid ?? 0
  const isWaiting = `SELECT FROM pg_locks WHERE relation = ${busy} AND NOT granted`
  await within(20_000, 'the busy table to be waited for', async () => (await db.sql(isWaiting)).length > 0)
  leaving.abort(new Error('nobody waits'))
  const leftAt = Date.now()
  await ended
  assert.ok(Date.now() - leftAt < 1000)
  await within(2000, 'the lock to be given up', async () => (await db.sql(isWaiting)).length === 0)
  const countSql = 'SELECT count(*) FROM changefeed.watched'
  const [before] = await db.sql(countSql)
  await holder.query('COMMIT')
  await db.sql('INSERT INTO m100 VALUES (2)')
  assert.deepEqual((await db.sql(countSql))[0], before)
  assert.equal((await watchTables(db.source, tables)).size, count)
  assert.deepEqual(await db.sql(`SELECT count(*) FROM pg_publication_rel`), [[String(count + 1)]])
  assert.deepEqual(await db.sql(`SELECT count(*) FROM pg_class WHERE relname ~ '^m\\d+$' AND relreplident = 'f'`), [
    [String(count)],
  ])
  await holder.close()
})

test('who has read the table in the very transaction hears so at once', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id int PRIMARY KEY, v text)')
  const relid = await relidOf(db, 't')
  const own = await db.connect()
  await own.query('BEGIN; SELECT * FROM t')
  const startedAt = Date.now()
  const full = { relid, statements: ['ALTER TABLE public.t REPLICA IDENTITY FULL'] }
  await assert.rejects(watchTables(db.source, [full], { askedBy: own.backendPid }), {
    code: 'FEED_STATE',
    message: /the transaction that this changefeed is started in has used it/,
    hint: /^COMMIT or ROLLBACK first/,
  })
  assert.ok(Date.now() - startedAt < 3000)
  // The weaker lock lets readers be.
  await watchTables(db.source, [{ relid }], { askedBy: own.backendPid })
  await own.close()
})

test('of many changefeeds of a server that begin at once on a table one takes it, and the others wait for longer than for a lock', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE other (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY)')
  const [other, relid] = [await relidOf(db, 'other'), await relidOf(db, 't')]
  await watchTables(db.source, [{ relid: other }])
  // To take a table takes longer than anybody waits for a lock.
  await db.sql(
    `CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); END'; CREATE EVENT TRIGGER slow ON ddl_command_end WHEN tag IN ('ALTER PUBLICATION') EXECUTE FUNCTION slow()`,
  )
  const turns = new Turns<number>()
  const said = new Set<string>()
  const progress = (what: string): unknown => said.add(what)
  const take = (): Promise<unknown> => watchTables(db.source, [{ relid }], { turns, progress, lockDeadlineMs: 100 })
  await Promise.all(Array.from({ length: 20 }, take))
  assert.deepEqual([...said], ['waiting until other changefeeds have taken its tables under watch'])
  assert.deepEqual(await db.sql(`SELECT count(*) FROM changefeed.watched WHERE relid = ${relid}`), [['1']])
  await db.sql('DROP EVENT TRIGGER slow')
})

test('an autovacuum that has the table gives way', { timeout: 180_000 }, async () => {
  await using db = await server.database()
  await db.sql(`ALTER SYSTEM SET autovacuum_naptime = '1s'`)
  await db.sql('SELECT pg_reload_conf()')
  await db.sql('CREATE TABLE t (id int PRIMARY KEY, v text)')
  await db.sql(
    `ALTER TABLE t SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)`,
  )
  await db.sql(`INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 20000) AS i`)
  await db.sql('DELETE FROM t WHERE id % 2 = 0')
  const relid = await relidOf(db, 't')
  await within(
    40_000,
    'an autovacuum',
    async () => (await db.sql(`SELECT FROM pg_stat_progress_vacuum WHERE relid = ${relid}`)).length > 0,
  )
  const full = { relid, statements: ['ALTER TABLE public.t REPLICA IDENTITY FULL'] }
  await watchTables(db.source, [full])
  await db.sql('ALTER SYSTEM RESET autovacuum_naptime')
  await db.sql('SELECT pg_reload_conf()')
})
