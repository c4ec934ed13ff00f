// What happens to a source database in which another version of pg-changefeed has installed its schema.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test, { after, before } from 'node:test'
import type { TableDescription } from '../core/table.ts'
import { FeedError } from '../errors/feed-error.ts'
import { significanceOf } from '../feed/follow/significance.ts'
import { watchTables } from '../ingest/watch.ts'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { install } from './source-schema.ts'
import { installMark } from './sql-files.ts'
import { uninstall } from './uninstall.ts'
import { markOf, schemaVersion } from './version.ts'

const earlier = [1, 2, 3].map((version) => ({
  version,
  sql: readFileSync(new URL(`../../test/support/source-schemas/version-${version}.sql`, import.meta.url), 'utf8'),
}))

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

async function installIn(db: TestDatabase): Promise<void> {
  const connection = await db.connect()
  try {
    await install(connection)
  } finally {
    await connection.close()
  }
}

const installed = `SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'changefeed'::regnamespace
  UNION ALL SELECT format('%s.%s %s %s %s', c.relname, a.attname, a.atttypid::regtype, a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
    WHERE relnamespace = 'changefeed'::regnamespace
  UNION ALL SELECT format('%s %s %s %s %s', evtname, evtevent, evtfoid::regproc, evtenabled, evttags) FROM pg_event_trigger
  UNION ALL SELECT format('%s %s', tgrelid::regclass, pg_get_triggerdef(oid)) FROM pg_trigger WHERE tgname = 'only_ours'
  UNION ALL SELECT to_jsonb(p)::text FROM (SELECT pubname, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot FROM pg_publication) AS p
  UNION ALL SELECT obj_description('changefeed'::regnamespace, 'pg_namespace') ORDER BY 1`

/** Rows of the catalogue, and which transaction wrote them. */
const written = `SELECT oid, xmin FROM pg_proc WHERE pronamespace = 'changefeed'::regnamespace
  UNION ALL SELECT oid, xmin FROM pg_class WHERE relnamespace = 'changefeed'::regnamespace
  UNION ALL SELECT oid, xmin FROM pg_event_trigger UNION ALL SELECT oid, xmin FROM pg_publication
  UNION ALL SELECT objoid, xmin FROM pg_description WHERE objoid = 'changefeed'::regnamespace ORDER BY 1`

for (const { version, sql } of earlier) {
  test(`version ${version} is replaced, what it knows of its tables is kept, and they are described anew`, async () => {
    await using db = await server.database()
    await db.sql(
      `CREATE TYPE mood AS ENUM ('fine'); CREATE TABLE t (id int PRIMARY KEY, big text, m mood); ALTER TABLE t ADD COLUMN n int DEFAULT 7`,
    )
    await db.sql(sql)
    await db.sql(
      `SET changefeed.internal = 'on'; ALTER PUBLICATION pg_changefeed ADD TABLE ONLY t; SELECT changefeed.register('t'::regclass); ALTER TABLE t REPLICA IDENTITY FULL;
       UPDATE changefeed.watched SET was_identity = 'd', description = changefeed.describe(relid); UPDATE changefeed.source SET seen = token`,
    )
    const rows = `SELECT (to_jsonb(w) - 'description' - 'attached' - 'key_index')::text FROM changefeed.watched w UNION ALL SELECT to_jsonb(s)::text FROM changefeed.source s`
    const before = await db.sql(rows)
    const [was] = await db.sql('SELECT description FROM changefeed.watched')

    const writer = await db.connect()
    await writer.query(`BEGIN; INSERT INTO t VALUES (1, '', 'fine')`)
    await installIn(db)
    await writer.query('COMMIT')

    assert.deepEqual(await db.sql(rows), before)
    const [is] = await db.sql('SELECT description FROM changefeed.watched')
    assert.match(is?.[0] ?? '', /"missing": "7"/)
    const change = { before: parse(was?.[0]), after: parse(is?.[0]) }
    assert.equal(significanceOf(change, 'column_changes'), 'none', 'an upgrade is no schema change')
    await using fresh = await server.database()
    await installIn(fresh)
    assert.deepEqual(await db.sql(installed), await fresh.sql(installed))
    await db.sql(`ALTER TYPE mood RENAME TO humour`)
    const [described] = await db.sql(`SELECT description::text FROM changefeed.watched`)
    assert.match(described?.[0] ?? '', /humour/)
  })
}

function parse(json: string | null | undefined): TableDescription {
  return JSON.parse(json ?? 'null') as TableDescription
}

test('where this version is installed already, nothing is written and no lock is taken', async () => {
  await using db = await server.database()
  await installIn(db)
  const before = await db.sql(written)
  const stranger = await db.connect()
  await stranger.query(
    'BEGIN; LOCK TABLE pg_catalog.pg_event_trigger IN SHARE UPDATE EXCLUSIVE MODE; LOCK TABLE changefeed.watched, changefeed.source, changefeed.type_locks',
  )
  await installIn(db)
  await stranger.query('ROLLBACK')
  assert.deepEqual(await db.sql(written), before)
})

test('the same version with another text is replaced', async () => {
  await using db = await server.database()
  await installIn(db)
  await db.sql(`COMMENT ON SCHEMA changefeed IS '${markOf('0'.repeat(64))}'`)
  await installIn(db)
  const [mark] = await db.sql(`SELECT obj_description('changefeed'::regnamespace, 'pg_namespace')`)
  assert.equal(mark?.[0], installMark())
})

test('a later version is refused, with what to do, and nothing of it is changed or removed', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id int PRIMARY KEY)')
  await installIn(db)
  // A later version may have more of everything.
  await db.sql(
    `SET changefeed.internal = 'on'; COMMENT ON SCHEMA changefeed IS '${markOf('0'.repeat(64)).replace(` ${schemaVersion} `, ` ${schemaVersion + 1} `)}';
     CREATE TABLE changefeed.later (); CREATE TRIGGER later BEFORE TRUNCATE ON changefeed.watched EXECUTE FUNCTION changefeed.only_ours()`,
  )
  const before = await db.sql(written)
  const [relid] = await db.sql(`SELECT 't'::regclass::oid`)
  const refused = (error: unknown): boolean => {
    assert.ok(error instanceof FeedError)
    assert.equal(error.sqlstate, '55000')
    assert.match(
      error.message,
      /^database "\w+" has version \d+ of the schema that pg-changefeed installs in a database, and this pg-changefeed knows only versions up to \d+$/,
    )
    assert.match(error.hint ?? '', /Use the later pg-changefeed.*UNWATCH DATABASE/)
    return true
  }
  await assert.rejects(installIn(db), refused)
  await assert.rejects(watchTables(db.source, [{ relid: Number(relid?.[0]) }]), refused)
  await assert.rejects(uninstall(db.source), refused)
  assert.deepEqual(await db.sql(written), before)
})
