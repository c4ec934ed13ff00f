// What a user may see and stop does not depend on what the user's own session makes of a name or an operator.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'

let server: TestServer
let feed: SinklessFeed
let eve: pg.Client

before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE TABLE secret (ssn TEXT PRIMARY KEY); INSERT INTO secret VALUES (1)')
  await server.sql('CREATE ROLE eve LOGIN; CREATE SCHEMA eve AUTHORIZATION eve; CREATE TABLE hers (id INT PRIMARY KEY)')
  await server.sql('GRANT SELECT ON hers TO eve; INSERT INTO hers VALUES (1)')
  feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR secret')
  await feed.row(1)
  eve = await server.connect('defaultdb', 'eve')
  await eve.query(`DO $do$ DECLARE pair text; BEGIN
  FOREACH pair IN ARRAY '{name name,text name,name text,text text,oid oid,bool bool}'::text[] LOOP
    EXECUTE format('CREATE FUNCTION eve.yes(%1$s, %2$s) RETURNS bool LANGUAGE sql AS ''SELECT true''', split_part(pair, ' ', 1), split_part(pair, ' ', 2));
    EXECUTE format('CREATE OPERATOR eve.= (LEFTARG = %1$s, RIGHTARG = %2$s, FUNCTION = eve.yes)', split_part(pair, ' ', 1), split_part(pair, ' ', 2));
  END LOOP;
END $do$`)
  await eve.query('CREATE TABLE eve.pg_roles (oid oid, rolname name, rolsuper bool)')
})
after(async () => {
  await eve.end()
  await feed[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const ways = [
  'SHOW QUERIES',
  'SELECT * FROM [SHOW QUERIES]',
  'EXPLAIN (VERBOSE) SELECT * FROM [SHOW QUERIES]',
  'CREATE OR REPLACE VIEW eve.v AS SELECT * FROM [SHOW QUERIES]',
  "SELECT pg_catalog.pg_get_viewdef('eve.v'::regclass)",
  'CREATE TEMP TABLE z AS SELECT * FROM [SHOW QUERIES]; SELECT * FROM z; DROP TABLE z',
  'PREPARE p AS SELECT * FROM [SHOW QUERIES]; SELECT statement FROM pg_prepared_statements; DEALLOCATE p',
  'WITH x AS (SHOW QUERIES) SELECT * FROM x',
  'EXPLAIN (VERBOSE) SELECT * FROM [SHOW JOBS SELECT 1 FROM [SHOW QUERIES]]',
  "SELECT query FROM pg_catalog.pg_stat_activity WHERE usename = 'eve'",
]

test('nobody reads the changefeeds of others, however SHOW QUERIES is asked', async () => {
  for (const path of ['"$user", public', 'eve, pg_catalog']) {
    await eve.query(`SET search_path = ${path}`)
    for (const sql of ways) {
      const said = await eve.query(sql)
      const text = JSON.stringify([said].flat().map(({ rows }) => rows))
      assert.ok(!/EXPERIMENTAL CHANGEFEED FOR secret/.test(text), `${sql} with ${path}: ${text}`)
    }
  }
  assert.match(JSON.stringify(await server.sql('SELECT query FROM [SHOW QUERIES]')), /CHANGEFEED FOR secret/)
})

test("a user's own statements are shown, also in a role that was taken", async () => {
  const own = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR hers', { user: 'eve' })
  await own.row(1)
  try {
    await eve.query('RESET search_path')
    const { rows } = await eve.query<{ user_name: string; query: string }>(
      'SELECT user_name, query FROM [SHOW QUERIES]',
    )
    assert.deepEqual(rows, [{ user_name: 'eve', query: 'EXPERIMENTAL CHANGEFEED FOR hers' }])
    const root = await server.connect()
    const { rows: asEve } = ((await root.query('SET ROLE eve; SHOW QUERIES')) as unknown as pg.QueryResult[])[1] ?? {
      rows: [],
    }
    await root.end()
    assert.equal(asEve.length, 1)
  } finally {
    await own[Symbol.asyncDispose]()
  }
})

test('nobody cancels a changefeed of others with an operator of their own', async () => {
  const [row] = await server.sql("SELECT query_id FROM [SHOW QUERIES] WHERE query LIKE 'EXP%secret'")
  await eve.query('SET search_path = eve, pg_catalog')
  await assert.rejects(eve.query(`CANCEL QUERY '${String(row?.['query_id'])}'`), {
    code: '42501',
    message: 'user eve may not cancel the queries of user root',
  })
  assert.equal(feed.isOver, false)
})

test('whoever may not drop a database hears of no changefeed by trying', async () => {
  for (const sql of ['DROP DATABASE defaultdb', 'ALTER DATABASE defaultdb RENAME TO mine']) {
    await assert.rejects(eve.query(sql), (error: pg.DatabaseError) => {
      assert.notEqual(error.code, '55006')
      return true
    })
  }
  assert.equal(feed.isOver, false)
})

test('a query id that names no process is not found', async () => {
  for (const id of ['pg99999999999', 'pg0', 'nothing']) {
    await assert.rejects(server.sql(`CANCEL QUERY '${id}'`), {
      code: '42704',
      message: `could not cancel query ${id}: query ID ${id} not found`,
    })
  }
})
