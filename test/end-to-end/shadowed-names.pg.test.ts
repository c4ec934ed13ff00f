// Objects that a role makes for itself under names that our own SQL uses: they decide nothing, and are never run with more
// rights than the role has.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE DATABASE empty')
  await server.sql(`CREATE TABLE t (id INT PRIMARY KEY, v STRING); CREATE TABLE own (a INT PRIMARY KEY, b INT NOT NULL);
    CREATE ROLE plain LOGIN; CREATE ROLE writer LOGIN;
    GRANT CREATE ON SCHEMA public TO plain; ALTER TABLE own OWNER TO plain; GRANT pg_write_all_data TO writer; GRANT changefeed TO plain; GRANT SELECT ON t TO plain`)
  await using feed = await SinklessFeed.open(server, "EXPERIMENTAL CHANGEFEED FOR t, own WITH initial_scan = 'only'")
  await feed.ended
  assert.equal(feed.error, undefined)
})
after(() => server[Symbol.asyncDispose]())

async function as<T>(user: string, database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await server.connect(database, user)
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const isSuper = async (role: string): Promise<unknown> =>
  (await server.sql(`SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = '${role}'`))[0]?.['rolsuper']

/** With the rights of whoever evaluates it. */
const trap = `CREATE FUNCTION pg_temp.trap() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN ALTER ROLE plain SUPERUSER; END IF; RETURN true; END $$`

test('every function of ours looks for names in pg_catalog first and among temporary objects last', async () => {
  for (const database of ['defaultdb', 'system', 'empty', 'template1']) {
    const rows = await server.sql(
      `SELECT p.oid::regprocedure::text AS name, array_to_string(proconfig, ' ') AS settings FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
       WHERE (nspname IN ('changefeed', 'crdb_internal') OR nspname = 'pg_catalog' AND p.oid >= 16384)
         AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c') AND prosqlbody IS NULL`,
      database,
    )
    assert.ok(rows.length > 1, database)
    for (const { name, settings } of rows)
      assert.match(String(settings), /search_path=pg_catalog, pg_temp( |$)/, `${String(name)} in ${database}`)
  }
})

test('a temporary view or type of the name of one of PostgreSQL is not run by the server', async () => {
  await as('plain', 'defaultdb', async (client) => {
    await client.query(trap)
    await client.query('CREATE TEMP TABLE mine (a int)')
    await client.query('CREATE TEMP VIEW pg_roles AS SELECT session_user AS rolname, pg_temp.trap() AS rolsuper')
    await client.query(`SET changefeed.internal = 'on'`)
    await client.query('ALTER TABLE mine ADD COLUMN b int')
    assert.equal(await isSuper('plain'), false)
    await client.query('DROP VIEW pg_temp.pg_roles')
    await client.query("CREATE CHANGEFEED FOR t INTO 'null://' WITH initial_scan = 'only'")
    for (const type of ['text', 'int8', 'float4'])
      await client.query(`CREATE DOMAIN pg_temp.${type} AS pg_catalog.${type} CHECK (pg_temp.trap())`)
    assert.equal((await client.query('SHOW JOBS')).rowCount, 1)
    await client.query('SELECT unique_rowid(), cluster_logical_timestamp()')
    assert.equal(await isSuper('plain'), false)
  })
})

test('a member of pg_write_all_data with a temporary pg_class writes to no table of ours', async () => {
  const statements: Readonly<Record<string, readonly string[]>> = {
    defaultdb: [
      `UPDATE changefeed.watched SET description = '{}'`,
      `INSERT INTO changefeed.watched (relid, description) VALUES (1, '{}')`,
      'DELETE FROM changefeed.watched',
      `UPDATE changefeed.source SET token = ''`,
    ],
    system: [
      `INSERT INTO changefeed.table_privileges VALUES (1, 1, 1)`,
      `UPDATE changefeed.jobs SET status = 'canceled'`,
      'DELETE FROM changefeed.settings',
    ],
  }
  for (const [database, all] of Object.entries(statements)) {
    await as('writer', database, async (client) => {
      await client.query('CREATE TEMP TABLE pg_class (oid oid, relowner oid)')
      await client.query(
        `INSERT INTO pg_temp.pg_class SELECT c.oid, 'writer'::regrole FROM pg_catalog.pg_class c WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'changefeed')`,
      )
      for (const sql of all) await assert.rejects(client.query(sql), { code: '42501', message: /only its owner/ }, sql)
    })
  }
})

test('the owner of a table cannot hide from changefeeds what a command did to it', async () => {
  await as('plain', 'defaultdb', async (client) => {
    await client.query('CREATE TEMP TABLE pg_index AS SELECT * FROM pg_catalog.pg_index LIMIT 0')
    await client.query('CREATE TEMP TABLE pg_inherits AS SELECT * FROM pg_catalog.pg_inherits LIMIT 0')
    await client.query('ALTER TABLE public.own DROP CONSTRAINT own_pkey')
    await client.query('ALTER TABLE public.own ADD PRIMARY KEY (b)')
  })
  const [row] = await server.sql(
    `SELECT description -> 'primaryKey' AS key FROM changefeed.watched WHERE relid = 'own'::regclass`,
  )
  assert.deepEqual(row?.['key'], ['b'])
})
