// A role that is no superuser and yet owns event triggers, as managed services allow it. PostgreSQL itself lets only superusers
// create them, so here the role is one while it installs, and none afterwards.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { giveBackTables } from '../ingest/give-back.ts'
import { watchTables } from '../ingest/watch.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { readySource } from './source-mode.ts'
import { sqlOf } from './sql-files.ts'
import { uninstall } from './uninstall.ts'

let server: PostgresServerUnderTest
before(async () => {
  server = await PostgresServerUnderTest.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

const withoutTimeout = `DO $$ DECLARE f record; BEGIN
  PERFORM set_config('changefeed.internal', 'on', true);
  FOR f IN SELECT oid::regprocedure AS name FROM pg_proc WHERE pronamespace = 'changefeed'::regnamespace LOOP EXECUTE format('ALTER FUNCTION %s RESET deadlock_timeout', f.name); END LOOP;
END $$`

test('a role that owns what is installed, and is no superuser, watches tables, keeps them, and takes everything back', async () => {
  await server.sql('CREATE DATABASE shop')
  const role = await server.role('SUPERUSER REPLICATION', 'svc')
  const source = server.source('shop', role)
  const sql = (text: string, user?: string): Promise<(string | null)[][]> => server.sql(text, 'shop', user)
  await sql('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)', role)
  await sql('CREATE ROLE app LOGIN; GRANT CREATE ON SCHEMA public TO app; ALTER TABLE other OWNER TO app')
  {
    await using connection = await openRawConnection({ source })
    assert.equal(await readySource(connection, source), 'installed')
  }
  // A role of a managed service does not own the extension plpgsql.
  await sql(sqlOf(['release']))
  await sql(withoutTimeout)
  await sql(`ALTER ROLE ${role} NOSUPERUSER; GRANT CREATE ON DATABASE shop TO ${role}`)

  const relidOf = async (table: string): Promise<number> =>
    Number((await sql(`SELECT '${table}'::regclass::oid`))[0]?.[0])
  const relid = await relidOf('t')
  await watchTables(source, [{ relid }])
  await assert.rejects(watchTables(source, [{ relid: await relidOf('other') }]), { sqlstate: '42501' })
  await assert.rejects(sql('ALTER PUBLICATION pg_changefeed DROP TABLE t', role), { sqlstate: '55006' })
  await sql('ALTER TABLE t ADD COLUMN big text', role)
  const described = `SELECT relreplident, (SELECT description::text FROM changefeed.watched) FROM pg_class WHERE relname = 't'`
  const [row] = await sql(described)
  assert.equal(row?.[0], 'f')
  assert.match(row?.[1] ?? '', /"big"/)

  // The table gets an owner whose commands our role could refuse to see.
  await sql('ALTER TABLE t OWNER TO app')
  const token = 'SELECT token, why FROM changefeed.source'
  const before = await sql(token)
  await sql('ALTER TABLE t ADD COLUMN n int; INSERT INTO t VALUES (1); UPDATE t SET n = 2; DELETE FROM t', 'app')
  const after = await sql(token)
  assert.notEqual(after[0]?.[0], before[0]?.[0])
  assert.match(after[0]?.[1] ?? '', /table public\.t was changed, and belongs to another role now/)

  await sql(`ALTER TABLE t OWNER TO ${role}`)
  const needed = (): Promise<ReadonlySet<number>> => Promise.resolve(new Set())
  assert.deepEqual(await giveBackTables(source, { relids: [relid], needed }), { given: 1, busy: [], left: 0 })
  assert.equal(await uninstall(source), true)
  const left = `SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'changefeed'), (SELECT count(*) FROM pg_event_trigger), (SELECT count(*) FROM pg_publication)`
  assert.deepEqual(await sql(left), [['0', '0', '0']])
})
