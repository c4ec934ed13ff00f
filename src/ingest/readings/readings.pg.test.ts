// Schema changes where nothing of ours is in the source database.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { decodeLog, type Decoded } from '../../../test/support/decode-log.ts'
import { IngestUnderTest } from '../../../test/support/ingest-under-test.ts'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import type { TestDatabase } from '../../../test/support/postgres-under-test.ts'
import { preparedDatabase, type PreparedDatabase } from '../../../test/support/prepared-database.ts'
import { within } from '../../../test/support/until.ts'

let server: PostgresServerUnderTest
before(async () => {
  server = await PostgresServerUnderTest.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

function prepared(schema: string, tables = 't'): Promise<PreparedDatabase> {
  return preparedDatabase(
    server,
    schema,
    (role) => `GRANT SELECT ON ${tables} TO ${role}; CREATE PUBLICATION pg_changefeed FOR TABLE ${tables}`,
  )
}

function rows(db: TestDatabase, ingest: IngestUnderTest): string[] {
  return decodeLog(db.dir, ingest.head).map(shown)
}

function shown(event: Decoded): string {
  if (event.tag === 'row') return `${event.key.join()} ${JSON.stringify(event.row)}`
  if (event.tag === 'described') return event.dropped ? 'dropped' : 'described'
  return event.tag === 'gap' ? `gap ${event.reason}` : `undecoded ${event.why}`
}

test('a column that is added and dropped is described before the first row that shows it', async () => {
  await using db = await prepared('CREATE TABLE t (id int PRIMARY KEY, a text)')
  await using ingest = new IngestUnderTest(db)
  await ingest.thread.ready
  await db.sql(`INSERT INTO t VALUES (1, 'x')`)
  await db.sql(`ALTER TABLE t ADD COLUMN b numeric(5,2) DEFAULT 7`)
  await db.sql(`INSERT INTO t VALUES (2, 'y')`)
  await ingest.caughtUp()
  await db.sql(`BEGIN; INSERT INTO t VALUES (3); ALTER TABLE t DROP COLUMN a; INSERT INTO t VALUES (4, 1); COMMIT`)
  await ingest.caughtUp()
  assert.deepEqual(rows(db, ingest), [
    'described',
    'id {"id":1,"a":"x"}',
    'described',
    'id {"id":2,"a":"y","b":7}',
    'id {"id":3,"a":null,"b":7}',
    'described',
    'id {"id":4,"b":1}',
  ])
})

test('a change without rows is seen within seconds, and so is the end of a table', async () => {
  await using db = await prepared('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)', 't, u')
  await using ingest = new IngestUnderTest(db)
  await ingest.thread.ready
  const events = (): string[] => rows(db, ingest)
  await within(10_000, 'both tables are described', () => events().length === 2)
  await db.sql('ALTER TABLE t ADD COLUMN b int')
  await within(10_000, 'the column is described', () => events().length === 3)
  await db.sql('DROP TABLE u')
  await within(10_000, 'the end is described', () => events().includes('dropped'))
})

test('a change of a table that was locked when it was read is seen after that, though nobody writes', async () => {
  await using db = await prepared('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)', 't, u')
  await using ingest = new IngestUnderTest(db)
  await ingest.thread.ready
  const events = (): string[] => rows(db, ingest)
  await within(10_000, 'both tables are described', () => events().length === 2)
  await using other = await db.connect()
  await other.query('BEGIN; ALTER TABLE t ADD COLUMN b int; COMMIT AND CHAIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE')
  await db.sql('ALTER TABLE u ADD COLUMN b int')
  await within(10_000, 'the change of the other table is described', () => events().length === 3)
  await other.query('COMMIT')
  await within(10_000, 'the change of the locked table is described', () => events().length === 4)
})

test('a change is described before the first row of a table that was never written to', async () => {
  await using db = await prepared(
    'CREATE TABLE t (id int PRIMARY KEY, v int); ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t VALUES (1, 1)',
  )
  await using ingest = new IngestUnderTest(db)
  await ingest.thread.ready
  await within(10_000, 'the table is described', () => rows(db, ingest).length === 1)
  await db.sql('ALTER TABLE t ADD COLUMN b text DEFAULT 7')
  await db.sql('INSERT INTO t VALUES (2, 2)')
  await ingest.caughtUp()
  assert.deepEqual(rows(db, ingest), ['described', 'described', 'id {"id":2,"v":2,"b":"7"}'])
})

test('a type that somebody has locked holds up the rows that have it, and it is said who does', async () => {
  await using db = await prepared('CREATE TYPE k AS (p int, q text); CREATE TABLE t (id int PRIMARY KEY, v k)')
  await using ingest = new IngestUnderTest(db)
  await ingest.thread.ready
  await within(10_000, 'the table is described', () => rows(db, ingest).length === 1)
  await using other = await db.connect()
  await other.query('BEGIN; ALTER TYPE k ADD ATTRIBUTE r int')
  // A value of the type could not be written now.
  await db.sql('INSERT INTO t VALUES (1)')
  const held = (): string | undefined =>
    ingest.heard.flatMap((message) =>
      message.tag === 'state' && message.state.tag === 'held' ? [message.state.error.message] : [],
    )[0]
  await within(20_000, 'it is said who', () => held() !== undefined)
  assert.match(held() ?? '', /process \d+ of user "postgres", which has locked type public\.k/)
  assert.equal(rows(db, ingest).length, 1)
  await other.query('COMMIT')
  await ingest.caughtUp()
  assert.deepEqual(rows(db, ingest).slice(-1), ['id {"id":1,"v":null}'])
})

test('a row from before an attribute was dropped keeps it, and so does one from before an attribute was added', async () => {
  await using db = await prepared('CREATE TYPE k AS (p int, q text); CREATE TABLE t (id int PRIMARY KEY, v k)')
  await using ingest = new IngestUnderTest(db)
  await ingest.thread.ready
  await within(10_000, 'the table is described', () => rows(db, ingest).length === 1)
  await using other = await db.connect()
  await other.query(`BEGIN; INSERT INTO t VALUES (1, ROW(1, 'x'))`)
  await db.sql('ALTER TYPE k DROP ATTRIBUTE p')
  await other.query(`INSERT INTO t VALUES (2, ROW('y')); COMMIT`)
  await ingest.caughtUp()
  assert.deepEqual(
    rows(db, ingest).filter((row) => row.startsWith('id')),
    ['id {"id":1,"v":{"p":1,"q":"x"}}', 'id {"id":2,"v":{"q":"y"}}'],
  )
})

test('a transaction that writes to many tables for the first time waits for few readings', async () => {
  const n = 600
  const create = `EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text)', i)`
  await using db = await preparedDatabase(
    server,
    `DO $$ BEGIN FOR i IN 1..${n} LOOP ${create}; END LOOP; END $$`,
    (role) => `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}; CREATE PUBLICATION pg_changefeed FOR ALL TABLES`,
  )
  await using ingest = new IngestUnderTest(db)
  await ingest.thread.ready
  await within(30_000, 'all are described', () => rows(db, ingest).length === n)
  const write = `EXECUTE format('INSERT INTO t%s VALUES (1)', i)`
  await db.sql(`DO $$ BEGIN FOR i IN 1..${n} LOOP ${write}; END LOOP; END $$`)
  // One reading for each table takes minutes.
  await ingest.caughtUp()
  assert.deepEqual(new Set(rows(db, ingest).slice(n)), new Set(['id {"id":1,"a":null}']))
  assert.equal(rows(db, ingest).length, 2 * n)
})
