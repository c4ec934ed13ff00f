// Things of an application under names that pg-changefeed uses: they are not taken over, not run, not left out of dumps, and
// not removed; the changefeed is refused and says whose they are.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE ROLE landlord LOGIN')
})
after(() => server[Symbol.asyncDispose]())

const sql = "EXPERIMENTAL CHANGEFEED FOR t WITH initial_scan = 'only'"

async function refusal(database: string): Promise<pg.DatabaseError> {
  await using feed = await SinklessFeed.open(server, sql, { database })
  await feed.ended
  assert.ok(feed.error, `a changefeed of ${database} is refused`)
  return feed.error
}

async function starts(database: string): Promise<void> {
  await using feed = await SinklessFeed.open(server, sql, { database })
  await feed.ended
  assert.equal(feed.error, undefined)
}

const count = async (database: string, text: string): Promise<number> => (await server.sql(text, database)).length

test('a schema changefeed of an application stays as it is, and UNWATCH DATABASE does not drop it', async () => {
  await server.sql('CREATE DATABASE shop')
  await server.sql(
    `CREATE TABLE t (id INT PRIMARY KEY); CREATE SCHEMA changefeed; CREATE TABLE changefeed.orders (a INT PRIMARY KEY, b STRING);
     INSERT INTO changefeed.orders VALUES (1, 'precious'); CREATE FUNCTION changefeed.f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    'shop',
  )
  const { message, hint } = await refusal('shop')
  assert.match(message, /schema "changefeed" of database "shop" is not pg-changefeed's.*role "root"/)
  assert.match(hint ?? '', /ALTER SCHEMA changefeed RENAME TO/)
  assert.equal(
    await count('shop', `SELECT FROM pg_depend WHERE objid = 'changefeed.orders'::regclass AND deptype = 'e'`),
    0,
  )
  await server.sql('ALTER TABLE changefeed.orders ADD COLUMN c INT; DROP FUNCTION changefeed.f()', 'shop')
  await server.sql('UNWATCH DATABASE', 'shop')
  assert.equal(await count('shop', 'SELECT FROM changefeed.orders'), 1)
  // Under another name it is in nobody's way.
  await server.sql('ALTER SCHEMA changefeed RENAME TO shop_changefeed', 'shop')
  await starts('shop')
  await server.sql('UNWATCH DATABASE', 'shop')
  assert.equal(await count('shop', 'SELECT FROM shop_changefeed.orders'), 1)
  assert.equal(await count('shop', `SELECT FROM pg_namespace WHERE nspname = 'changefeed'`), 0)
})

test('what a superuser keeps in our schema is in no extension, and outlives UNWATCH DATABASE', async () => {
  await server.sql('CREATE DATABASE guest')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)', 'guest')
  await starts('guest')
  await server.sql('CREATE TABLE changefeed.notes AS SELECT 1 AS a', 'guest')
  // As an earlier version did when it was installed anew.
  await server.sql('ALTER EXTENSION plpgsql ADD TABLE changefeed.notes', 'guest')
  await server.sql('UNWATCH DATABASE', 'guest')
  assert.equal(await count('guest', 'SELECT FROM changefeed.notes'), 1)
  assert.equal(
    await count('guest', `SELECT FROM pg_depend WHERE objid = 'changefeed.notes'::regclass AND deptype = 'e'`),
    0,
  )
  assert.equal(await count('guest', `SELECT FROM pg_proc WHERE pronamespace = 'changefeed'::regnamespace`), 0)
  assert.equal(await count('guest', `SELECT FROM pg_publication`), 0)
})

test('UNWATCH DATABASE system leaves the jobs and settings of the server where they are', async () => {
  const before = await count('system', 'SELECT FROM changefeed.settings')
  assert.ok(before > 0)
  await server.sql('UNWATCH DATABASE system')
  assert.equal(await count('system', 'SELECT FROM changefeed.settings'), before)
  await server.sql('SHOW JOBS')
})

test('the owner of a database gets no rights of a superuser by things under our names', async () => {
  const trap = `CREATE FUNCTION public.trap() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN ALTER ROLE landlord SUPERUSER; END IF; RETURN true; END $$;
    CREATE FUNCTION public.fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.trap(); RETURN NEW; END $$;`
  const watched =
    'relid oid PRIMARY KEY, description jsonb NOT NULL, since_xid xid8 NOT NULL DEFAULT pg_current_xact_id()'
  const mark = `COMMENT ON SCHEMA changefeed IS '${'0'.repeat(64)}'`
  const squats = [
    `CREATE SCHEMA changefeed; CREATE TABLE changefeed.watched (${watched}); CREATE TRIGGER z BEFORE INSERT OR UPDATE ON changefeed.watched FOR EACH ROW EXECUTE FUNCTION public.fired()`,
    'CREATE SCHEMA changefeed; CREATE VIEW changefeed.watched AS SELECT 1::oid AS relid WHERE public.trap()',
    `CREATE SCHEMA changefeed; ${mark}; CREATE VIEW changefeed.watched AS SELECT 1::oid AS relid WHERE public.trap()`,
    'CREATE PUBLICATION pg_changefeed FOR TABLE t',
  ]
  for (const [i, squat] of squats.entries()) {
    const database = `let${i}`
    await server.sql(`CREATE DATABASE ${database} OWNER landlord`)
    const client = await server.connect(database, 'landlord')
    await client.query(`CREATE TABLE t (id INT PRIMARY KEY)`)
    await client.query(trap)
    await client.query(squat)
    await client.end()
    const { message, hint } = await refusal(database)
    assert.match(message, /is not pg-changefeed's: it was there before, and belongs to role "landlord"/)
    assert.match(hint ?? '', /RENAME TO/)
    await server.sql(`UNWATCH DATABASE ${database}`)
    const [row] = await server.sql(`SELECT rolsuper FROM pg_roles WHERE rolname = 'landlord'`)
    assert.equal(row?.['rolsuper'], false, squat)
  }
  assert.equal(await count('let3', 'SELECT FROM pg_publication'), 1)
})

test('a publication pg_changefeed of an application is refused, and our own is not changed by who is no superuser', async () => {
  await server.sql('CREATE DATABASE press OWNER landlord')
  await server.sql(
    `CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE o (id INT PRIMARY KEY); CREATE PUBLICATION pg_changefeed FOR TABLE o WITH (publish = 'insert')`,
    'press',
  )
  assert.match((await refusal('press')).message, /publication "pg_changefeed".* is not pg-changefeed's/)
  await server.sql('ALTER PUBLICATION pg_changefeed RENAME TO press', 'press')
  await starts('press')
  // Somebody gave it to the owner of the database.
  await server.sql('ALTER PUBLICATION pg_changefeed OWNER TO landlord', 'press').catch(() => undefined)
  const client = await server.connect('press', 'landlord')
  await client.query("SET changefeed.internal = 'on'")
  await assert.rejects(client.query('ALTER PUBLICATION pg_changefeed DROP TABLE t'))
  await client.end()
})
