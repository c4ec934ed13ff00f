import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { LogHead } from '../changelog/files/log-head.ts'
import type { TableDescription } from '../core/table.ts'
import { readLog, TestServer, within, type LogEvent, type TestDatabase } from '../../test/support/source-under-test.ts'
import { IngestThread } from './ingest-thread.ts'
import { watchTables } from './watch.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

class Watching implements AsyncDisposable {
  readonly db: TestDatabase
  readonly head = new LogHead()
  readonly gaps: string[] = []
  readonly thread: IngestThread

  constructor(db: TestDatabase) {
    this.db = db
    const settings = { closedTargetMs: 100, retentionMs: 3_600_000, maxLogBytes: 0 }
    this.thread = new IngestThread({ dir: db.dir, head: this.head.shared, source: db.source, settings }, (message) => {
      if (message.tag === 'gap') this.gaps.push(message.reason)
    })
  }

  async events(): Promise<LogEvent[]> {
    const lsn = await this.db.flushLsn()
    this.thread.closeNow()
    await within(20_000, 'the log', () => this.head.endLsn >= lsn)
    return readLog(this.db.dir, this.head)
  }

  /** Rows and descriptions in the order of the log: `row <first column>`, `<name>(<columns>)`, `gap`. */
  async story(): Promise<string[]> {
    return (await this.events()).flatMap((event) => {
      if (event.tag === 'gap') return ['gap']
      if (event.tag === 'closed') return []
      return event.records.map((text) => (text.startsWith('{') ? told(text) : text))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.thread.stop()
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
  const full = { relid, identitySql: 'ALTER TABLE public."Odd ""name" REPLICA IDENTITY FULL' }
  const first = await watchTables(db.source, [{ relid }])
  const withFull = await watchTables(db.source, [full])
  assert.deepEqual(withFull, first)
  assert.deepEqual(await db.sql(`SELECT relreplident FROM pg_class WHERE oid = ${relid}`), [['f']])
  const holder = await db.connect()
  await holder.query('BEGIN; LOCK TABLE "Odd ""name" IN ACCESS EXCLUSIVE MODE')
  assert.deepEqual(await watchTables(db.source, [{ relid }]), first)
  assert.deepEqual(await watchTables(db.source, [full]), first)
  await holder.close()
  const identities = (await watching.events()).flatMap((event) =>
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
    message: /public\.t/,
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
  await db.sql(`SET event_triggers = off; DROP PUBLICATION pg_changefeed`)
  await db.sql(`INSERT INTO t VALUES ('lost')`)
  await within(20_000, 'the gap', () => watching.gaps.length > 0)
  assert.match(watching.gaps[0] ?? '', /publication "pg_changefeed" was dropped or lost public\.t, public\.u/)
  await within(
    20_000,
    'the tables to be back',
    async () => (await db.sql(`SELECT FROM pg_publication_tables WHERE pubname = 'pg_changefeed'`)).length === 2,
  )
  await db.sql(`INSERT INTO t VALUES ('2')`)
  const story = await watching.story()
  assert.deepEqual(
    story.filter((entry) => entry.startsWith('row') || entry === 'gap'),
    ['row 1', 'gap', 'row 2'],
  )
  // A cursor from before the gap must be refused.
  const again = await watchTables(db.source, tables)
  for (const { relid } of tables) assert.ok((again.get(relid)?.wall ?? 0n) > (since.get(relid)?.wall ?? 0n))
  assert.equal(watching.gaps.length, 1)
})

test('our schema can be removed and comes back', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  const relid = await relidOf(db, 't')
  await watchTables(db.source, [{ relid }])
  await db.sql('DROP SCHEMA changefeed CASCADE; ALTER TABLE t ADD COLUMN a int')
  assert.ok((await watchTables(db.source, [{ relid }])).get(relid) !== undefined)
  assert.deepEqual(await db.sql(`SELECT count(*) FROM pg_event_trigger WHERE evtname = 'pg_changefeed_ddl'`), [['1']])
})

test('nobody but a superuser can read the token or forge a description', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  await watchTables(db.source, [{ relid: await relidOf(db, 't') }])
  await db.sql('CREATE ROLE curious LOGIN')
  const curious = await db.connect('curious')
  for (const sql of [
    'SELECT token FROM changefeed.source',
    `SELECT changefeed.emit('{}')`,
    'SELECT changefeed.on_ddl()',
  ]) {
    await assert.rejects(curious.query(sql), { sqlstate: '42501' })
  }
  await curious.close()
  await db.sql('DROP ROLE curious')
})
