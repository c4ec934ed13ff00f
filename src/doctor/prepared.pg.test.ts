// Databases that a DBA has prepared for a role of few rights, each with one thing wrong: the doctor finds that thing and nothing
// else, and where its remedy is SQL, the remedy puts it right.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { ExaminedServer, allFindings, found, only } from '../../test/support/examined-server.ts'
import type { Finding } from './finding.ts'

let server: ExaminedServer
before(async () => {
  server = await ExaminedServer.start()
})
after(() => server[Symbol.asyncDispose]())

test('a prepared table of small values is in order until a column such as text is added, which the doctor says before', async () => {
  const db = await server.database()
  const source = await db.prepared()
  const identity = async (): Promise<Finding | undefined> => {
    const findings = await allFindings(source)
    return findings.find(({ id }) => id === 'identity')
  }
  assert.match(
    (await identity())?.what ?? '',
    /^REPLICA IDENTITY DEFAULT is enough, until .* unless ALTER TABLE public\.t REPLICA IDENTITY FULL was run before$/,
  )
  await db.sql('ALTER TABLE t REPLICA IDENTITY FULL')
  assert.equal((await identity())?.what, 'REPLICA IDENTITY FULL is enough')
  await db.sql('ALTER TABLE t REPLICA IDENTITY DEFAULT; ALTER TABLE t ADD COLUMN note text')
  assert.equal((await identity())?.verdict, 'failure')
})

test('a role without REPLICATION, and one that is a member of a role that has it', async () => {
  const db = await server.database()
  const source = await db.prepared()
  await db.sql(`ALTER ROLE ${source.user} NOREPLICATION`)
  const { remedy = '' } = only(await found(source), {
    id: 'replication',
    what: /^role cdc\d+ may not replicate: permission denied to start WAL sender$/,
    remedy: /^ALTER ROLE cdc\d+ REPLICATION$/,
  })
  await db.sql(`CREATE ROLE replicator REPLICATION; GRANT replicator TO ${source.user}`)
  only(await found(source), {
    id: 'replication',
    verdict: 'warning',
    what: /^role cdc\d+ gets no connection for replication, so changes are read by SQL functions after SET ROLE replicator: /,
    remedy: /^ALTER ROLE cdc\d+ REPLICATION$/,
  })
  await db.sql(remedy)
  assert.deepEqual(await found(source), [])
})

test('rights on the table: no SELECT, and rows that row-level security hides', async () => {
  const db = await server.database()
  const source = await db.prepared()
  await db.sql(`REVOKE SELECT ON t FROM ${source.user}`)
  const select = only(await found(source), {
    id: 'select',
    what: /may not read public\.t/,
    remedy: /GRANT SELECT ON public\.t TO cdc\d+$/,
  })
  await db.sql(select.remedy ?? '')
  assert.deepEqual(await found(source), [])
  await db.sql('ALTER TABLE t ENABLE ROW LEVEL SECURITY')
  const security = only(await found(source), {
    id: 'row_security',
    what: /hides rows from role cdc\d+/,
    remedy: /^ALTER ROLE cdc\d+ BYPASSRLS$/,
  })
  await db.sql(security.remedy ?? '')
  assert.deepEqual(await found(source), [])
})

test('what a DBA has prepared is not enough: no publication, not in it, not everything of it', async () => {
  const db = await server.database()
  const source = await db.prepared()
  const ask = (): Promise<readonly Finding[]> => found(source)
  assert.deepEqual(await ask(), [])
  await db.sql('ALTER PUBLICATION pg_changefeed DROP TABLE t')
  const member = only(await ask(), {
    id: 'published',
    what: /not in publication pg_changefeed/,
    remedy: /^ALTER PUBLICATION pg_changefeed ADD TABLE ONLY public\.t$/,
  })
  await db.sql('ALTER PUBLICATION pg_changefeed ADD TABLE t WHERE (id > 0)')
  only(await ask(), { id: 'published', what: /only some of its rows/, remedy: /DROP TABLE/ })
  await db.sql('ALTER PUBLICATION pg_changefeed DROP TABLE t')
  await db.sql(member.remedy ?? '')
  await db.sql(`ALTER PUBLICATION pg_changefeed SET (publish = 'insert, update')`)
  const kinds = only(await ask(), {
    id: 'publication',
    what: /does not publish delete, truncate/,
    remedy: /^ALTER PUBLICATION/,
  })
  await db.sql(kinds.remedy ?? '')
  await db.sql('ALTER TABLE t REPLICA IDENTITY NOTHING')
  only(await ask(), { id: 'identity', what: /NOTHING/, remedy: /^ALTER TABLE public\.t REPLICA IDENTITY FULL$/ })
  await db.sql('ALTER TABLE t REPLICA IDENTITY DEFAULT; DROP PUBLICATION pg_changefeed')
  only(await ask(), {
    id: 'publication',
    what: /does not exist/,
    remedy: /changefeed setup-sql .*--role=cdc\d+ --tables=public\.t$/,
  })
  await db.sql(`DROP SCHEMA changefeed_state; CREATE PUBLICATION pg_changefeed FOR TABLE t`)
  const state = only(await ask(), { id: 'state', what: /may not create schema/, remedy: /^CREATE SCHEMA/ })
  await db.sql(state.remedy?.split(';')[0] ?? '')
  assert.deepEqual(await ask(), [])
  await db.sql('CREATE TABLE changefeed_state.jobs (a int)')
  only(await ask(), {
    id: 'state',
    what: /jobs in .* belongs to role postgres, so/,
    remedy: /^changefeed uninstall as/,
  })
})

test('publications of all tables, of schemas and of a partitioned root contain a table', async () => {
  const db = await server.database()
  const source = await db.prepared()
  await db.sql('DROP PUBLICATION pg_changefeed; CREATE PUBLICATION pg_changefeed FOR TABLES IN SCHEMA public')
  assert.deepEqual(await found(source), [])
  await db.sql('DROP PUBLICATION pg_changefeed; CREATE PUBLICATION pg_changefeed FOR ALL TABLES')
  assert.deepEqual(await found(source), [])
  await db.sql('ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (v) STORED')
  only(await found(source), { id: 'published', what: /only some of its columns/, remedy: /publish_generated_columns/ })
  await db.sql('ALTER PUBLICATION pg_changefeed SET (publish_generated_columns = stored)')
  assert.deepEqual(await found(source), [])
  await db.sql(
    `DROP PUBLICATION pg_changefeed; DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE one PARTITION OF t FOR VALUES IN (1); GRANT SELECT ON t, one TO ${source.user}; CREATE PUBLICATION pg_changefeed FOR TABLE t`,
  )
  assert.deepEqual(await found(source), [])
  assert.deepEqual(await found(source, { tables: [{ schema: 'public', name: 'one' }] }), [])
  await db.sql('ALTER PUBLICATION pg_changefeed SET (publish_via_partition_root)')
  const root = only(await found(source), { id: 'publication', what: /as their root/, remedy: /= false\)$/ })
  await db.sql(root.remedy ?? '')
  assert.deepEqual(await found(source), [])
})
