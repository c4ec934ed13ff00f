// What PostgreSQL refuses because of what changefeeds have made of a table or a database says so, and how to go on.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(async () => {
  await server?.[Symbol.asyncDispose]()
})

async function refusal(sql: string, database: string): Promise<Pick<pg.DatabaseError, 'message' | 'hint'>> {
  try {
    await server.sql(sql, database)
  } catch (error) {
    const { message, hint } = error as pg.DatabaseError
    return { message, hint }
  }
  return { message: 'it succeeded', hint: undefined }
}

async function check(database: string, table: readonly (readonly [sql: string, message: RegExp, hint: RegExp])[]) {
  const wrong: string[] = []
  for (const [sql, wantedMessage, wantedHint] of table) {
    const { message, hint } = await refusal(sql, database)
    if (!wantedMessage.test(message) || !wantedHint.test(hint ?? '')) wrong.push(`${sql}: ${message} [${hint}]`)
  }
  assert.deepEqual(wrong, [])
}

async function scan(database: string, tables: string): Promise<void> {
  await using feed = await SinklessFeed.open(server, `CREATE CHANGEFEED FOR ${tables} WITH initial_scan = 'only'`, {
    database,
  })
  await feed.ended
  assert.equal(feed.error, undefined)
}

test('what a watched table or database refuses names the way out', async () => {
  await server.sql('CREATE DATABASE refusing')
  await server.sql('CREATE TABLE t (id int PRIMARY KEY, s text); CREATE TABLE "Odd t" (id int PRIMARY KEY)', 'refusing')
  const [job] = await server.sql(`CREATE CHANGEFEED FOR t, "Odd t" INTO 'null://'`, 'refusing')
  const inUse = new RegExp(`CANCEL JOBS? ${String(job?.['job_id'])}`)
  const database = /UNWATCH DATABASE/
  const table = /UNWATCH TABLE (public\.)?t /
  await check('refusing', [
    ['ALTER TABLE t SET UNLOGGED', /cannot change table "t" to unlogged/, table],
    ['ALTER TABLE "Odd t" SET UNLOGGED', /cannot change table/, /UNWATCH TABLE "Odd t" /],
    ['ALTER TABLE t REPLICA IDENTITY NOTHING', /watch it/, table],
    ['ALTER TABLE t REPLICA IDENTITY DEFAULT', /watch it/, table],
    ['ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (id) VIRTUAL', /virtual generated column/, table],
    ['DROP PUBLICATION pg_changefeed', /in use by changefeeds/, database],
    ['ALTER PUBLICATION pg_changefeed DROP TABLE t', /in use by changefeeds/, database],
    ["ALTER PUBLICATION pg_changefeed SET (publish = 'insert')", /in use by changefeeds/, database],
    ['DROP EVENT TRIGGER pg_changefeed_ddl', /cannot drop event trigger/, database],
    ['DROP EVENT TRIGGER pg_changefeed_publication_drop CASCADE', /cannot drop event trigger/, database],
    ['DROP SCHEMA changefeed', /cannot drop schema changefeed/, database],
    ['DROP SCHEMA changefeed CASCADE', /cannot drop schema changefeed/, database],
    ['DROP TABLE changefeed.watched CASCADE', /cannot drop table changefeed\.watched/, database],
    ['DROP FUNCTION changefeed.on_ddl() CASCADE', /cannot drop function changefeed\.on_ddl/, database],
    [
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = 'refusing'`,
      /replication slot ".*" is active/,
      database,
    ],
    ['ALTER SCHEMA changefeed RENAME TO other', /^ALTER SCHEMA cannot change what belongs to/, database],
    ['ALTER SCHEMA changefeed OWNER TO pg_database_owner', /^ALTER SCHEMA cannot change/, database],
    ['ALTER TABLE changefeed.watched ADD COLUMN x int', /^ALTER TABLE cannot change/, database],
    ['ALTER TABLE changefeed.watched SET SCHEMA public', /^ALTER TABLE cannot change/, database],
    ['ALTER TABLE changefeed.source DISABLE TRIGGER only_ours', /^ALTER TABLE cannot change/, database],
    ['DROP TRIGGER only_ours ON changefeed.watched', /^DROP TRIGGER cannot change/, database],
    ['DROP INDEX changefeed.watched_types', /^DROP INDEX cannot change/, database],
    ['TRUNCATE changefeed.watched', /^TRUNCATE cannot change/, database],
    ['ALTER FUNCTION changefeed.on_ddl() RENAME TO off_ddl', /^ALTER FUNCTION cannot change/, database],
    ['ALTER FUNCTION changefeed.describe(oid) SET SCHEMA public', /^ALTER FUNCTION cannot change/, database],
    [
      `CREATE OR REPLACE FUNCTION changefeed.is_incomplete(relation oid) RETURNS boolean LANGUAGE sql AS 'SELECT false'`,
      /^CREATE FUNCTION cannot change/,
      database,
    ],
    ['ALTER SCHEMA crdb_internal RENAME TO other', /^ALTER SCHEMA cannot change/, database],
    ['ALTER EVENT TRIGGER pg_changefeed_ddl DISABLE', /^ALTER EVENT TRIGGER cannot change/, database],
    ['alter event trigger "pg_changefeed_drop" rename to x', /^ALTER EVENT TRIGGER cannot change/, database],
    ['ALTER PUBLICATION pg_changefeed RENAME TO x', /in use by changefeeds/, database],
    ['CREATE PUBLICATION pg_changefeed', /already exists/, /--no-publications/],
  ])
  await check('defaultdb', [
    ['DROP DATABASE refusing', /is used by a changefeed/, inUse],
    ['DROP DATABASE refusing WITH (FORCE)', /is used by a changefeed/, inUse],
    ['ALTER DATABASE refusing RENAME TO renamed', /is used by a changefeed/, inUse],
    ['CREATE DATABASE copied TEMPLATE refusing', /is used by a changefeed/, inUse],
    ['DROP EXTENSION plpgsql', /^cannot drop extension plpgsql because this server needs it/, database],
    ['DROP EXTENSION plpgsql CASCADE', /^cannot drop extension plpgsql/, database],
    [
      'DROP SEQUENCE pg_catalog.unique_rowid_counter CASCADE',
      /cannot drop what unique_rowid/,
      /belongs to this server/,
    ],
    ['DROP FUNCTION pg_catalog.unique_rowid() CASCADE', /cannot drop what unique_rowid/, /belongs to this server/],
    ['DROP OWNED BY root CASCADE', /required by the database system/, /^/],
    ['DROP SCHEMA crdb_internal CASCADE', /cannot drop schema crdb_internal/, /belongs to this server/],
    ['DROP SEQUENCE unique_rowid_counter', /cannot drop what unique_rowid/, /belongs to this server/],
  ])
  // An error that has nothing to do with us goes as it came, also through the extended protocol.
  const client = await server.connect('refusing')
  try {
    await assert.rejects(client.query('SELECT $1::int FROM nosuch', [1]), { message: /nosuch/, hint: undefined })
    await assert.rejects(client.query('ALTER TABLE t SET UNLOGGED', []), { hint: table })
    // What our functions refuse comes without the lines that they are made of; what the functions of others say, with them.
    await assert.rejects(client.query('ALTER TABLE t REPLICA IDENTITY NOTHING'), { where: undefined })
    await assert.rejects(client.query('DROP PUBLICATION pg_changefeed'), { where: undefined })
    await assert.rejects(client.query(`DO $$ BEGIN RAISE EXCEPTION 'theirs'; END $$`), { where: /PL\/pgSQL/ })
  } finally {
    await client.end()
  }
  await check('defaultdb', [
    ['ALTER EVENT TRIGGER pg_changefeed_ddl DISABLE', /event trigger "pg_changefeed_ddl" does not exist/, /^/],
  ])
  // A superuser who insists may, and the way out is one then, too.
  await server.sql(
    `BEGIN; SET LOCAL changefeed.internal = 'on'; ALTER SCHEMA changefeed RENAME TO other; ROLLBACK`,
    'refusing',
  )
  // What is not ours is changed as ever.
  await server.sql(
    'CREATE SCHEMA s; CREATE TABLE s.u (id int); ALTER SCHEMA s RENAME TO r; ALTER TABLE r.u ADD n int',
    'refusing',
  )
  // The way out is one.
  await server.sql(`CANCEL JOB ${String(job?.['job_id'])}`)
  await server.sql(`SHOW JOB WHEN COMPLETE ${String(job?.['job_id'])}`)
  await server.sql('UNWATCH TABLE t', 'refusing')
  await server.sql('ALTER TABLE t SET UNLOGGED; ALTER TABLE t REPLICA IDENTITY NOTHING', 'refusing')
  await server.sql('UNWATCH DATABASE', 'refusing')
  assert.deepEqual(
    await server.sql(
      `SELECT evtname FROM pg_event_trigger UNION SELECT pubname FROM pg_publication UNION SELECT nspname FROM pg_namespace WHERE nspname = 'changefeed'`,
      'refusing',
    ),
    [],
  )
})

test('an ALTER that fails because of the rowid that we made says where it comes from, and the way out works', async () => {
  await server.sql('CREATE DATABASE rowids')
  await server.sql(
    `CREATE TABLE plain (a int NOT NULL); CREATE TABLE part (a int NOT NULL); CREATE TYPE shape AS (a int8);
    CREATE TABLE parent (a int NOT NULL); CREATE TABLE child (b int) INHERITS (parent);
    CREATE TABLE root (a int NOT NULL) PARTITION BY LIST (a); CREATE TABLE leaf PARTITION OF root FOR VALUES IN (1);
    CREATE TABLE bare (a int NOT NULL); CREATE TABLE top (a int NOT NULL) PARTITION BY LIST (a)`,
    'rowids',
  )
  await scan('rowids', 'plain, part, parent, leaf')
  await check('rowids', [
    [
      'ALTER TABLE top ATTACH PARTITION part FOR VALUES IN (5)',
      /not found in parent/,
      /ALTER TABLE part DROP COLUMN rowid/,
    ],
    ['ALTER TABLE root ATTACH PARTITION bare FOR VALUES IN (6)', /missing column "rowid"/, /ADD COLUMN rowid INT8/],
    ['ALTER TABLE bare INHERIT parent', /missing column "rowid"/, /ADD COLUMN rowid INT8/],
    ['ALTER TABLE plain OF shape', /extra column "rowid"/, /DROP COLUMN rowid/],
    [
      'ALTER TABLE plain ADD COLUMN rowid text',
      /already exists/,
      /ALTER TABLE plain DROP COLUMN rowid, ADD PRIMARY KEY/,
    ],
    ['ALTER TABLE plain RENAME a TO rowid', /already exists/, /ALTER TABLE plain DROP COLUMN rowid, ADD PRIMARY KEY/],
    ['ALTER TABLE leaf DROP COLUMN rowid', /cannot drop inherited column/, /DROP CONSTRAINT/],
    ['ALTER TABLE leaf RENAME rowid TO r', /cannot rename inherited column/, /partitions and children/],
  ])
  // As the hints say.
  await server.sql(
    `ALTER TABLE part DROP COLUMN rowid, ADD PRIMARY KEY (a); ALTER TABLE top ATTACH PARTITION part FOR VALUES IN (5);
    ALTER TABLE bare ADD COLUMN rowid INT8 NOT NULL DEFAULT unique_rowid(); ALTER TABLE root ATTACH PARTITION bare FOR VALUES IN (6);
    ALTER TABLE plain DROP COLUMN rowid, ADD PRIMARY KEY (a); ALTER TABLE plain ADD COLUMN rowid text`,
    'rowids',
  )
  // Another key takes the place of ours in a tree of tables, too.
  await server.sql('ALTER TABLE leaf ADD PRIMARY KEY (a)', 'rowids')
  await server.sql('ALTER TABLE leaf DROP CONSTRAINT leaf_pkey; ALTER TABLE leaf ADD PRIMARY KEY (rowid)', 'rowids')
  await server.sql('ALTER TABLE root ADD PRIMARY KEY (a); ALTER TABLE parent ADD PRIMARY KEY (a)', 'rowids')
  await server.sql(
    `INSERT INTO root VALUES (1); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 2); UPDATE root SET a = a; UPDATE child SET b = 3`,
    'rowids',
  )
  await scan('rowids', 'plain, part, parent, leaf, bare')
})

test('where the list of watched tables was taken away, nothing goes that a changefeed needs, and UNWATCH says so', async () => {
  await server.sql('CREATE DATABASE robbed')
  await server.sql('CREATE TABLE t (id int PRIMARY KEY)', 'robbed')
  const [job] = await server.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`, 'robbed')
  const id = String(job?.['job_id'])
  await server.sql(
    `BEGIN; SET LOCAL changefeed.internal = 'on'; ALTER TABLE changefeed.watched RENAME TO gone; COMMIT`,
    'robbed',
  )
  await check('robbed', [
    // Meanwhile ingest may have made the list anew.
    ['UNWATCH TABLE t', /the list of watched tables .* is not there|a changefeed needs/, /UNWATCH DATABASE|CANCEL JOB/],
    ['UNWATCH DATABASE', /a changefeed needs/, new RegExp(`CANCEL JOBS ${id}`)],
  ])
  await server.sql(`CANCEL JOB ${id}`)
  await server.sql(`SHOW JOB WHEN COMPLETE ${id}`)
  await server.sql('UNWATCH DATABASE', 'robbed')
  await server.sql('INSERT INTO t VALUES (1); UPDATE t SET id = 2; ALTER TABLE t ADD COLUMN s text', 'robbed')
})
