// Taking everything back: the database is what it was before, as pg_dump and the catalogue show it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { LogHead } from '../changelog/files/log-head.ts'
import { IngestThread } from '../ingest/ingest-thread.ts'
import { watchTables } from '../ingest/watch.ts'
import { makeJobTable } from '../jobs/job-table.ts'
import { openPool } from '../postgres/pool-queries.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { setupScript } from '../source-schema/setup/setup-script.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { skipVersion } from '../../test/support/servers/postgres-versions.ts'
import { planRemoval, remove } from './removal.ts'

const versions = [15, 18] as const

const schema = `CREATE TABLE plain (id int PRIMARY KEY, n int); COMMENT ON TABLE plain IS 'theirs';
  CREATE TABLE docs (id int PRIMARY KEY, body text); INSERT INTO docs VALUES (1, 'x');
  CREATE TABLE by_index (a int NOT NULL, id int PRIMARY KEY, body text); CREATE UNIQUE INDEX by_index_a ON by_index (a); ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_a;
  CREATE PUBLICATION theirs FOR TABLE plain; CREATE SCHEMA other; CREATE TABLE other.parted (id int, day int, PRIMARY KEY (id, day)) PARTITION BY LIST (day); CREATE TABLE other.parted_1 PARTITION OF other.parted FOR VALUES IN (1)`

/** Everything that a script or an installation could change. */
const catalogue = `SELECT string_agg(x, E'\\n' ORDER BY x) FROM (
  SELECT format('%s %s', nspname, coalesce(nspacl, acldefault('n', nspowner))) AS x FROM pg_namespace n WHERE nspname !~ '^pg_(toast_)?temp'
  UNION ALL SELECT format('%s %s', coalesce(relacl, acldefault('r', relowner)), to_jsonb(c) - ARRAY['oid', 'relacl', 'relfrozenxid', 'relminmxid', 'relpages', 'reltuples', 'relallvisible', 'relallfrozen']) FROM pg_class c WHERE oid >= 16384
  UNION ALL SELECT format('%s %s', oid::regprocedure, coalesce(proacl, acldefault('f', proowner))) FROM pg_proc
  UNION ALL SELECT evtname FROM pg_event_trigger UNION ALL SELECT (to_jsonb(p) - 'oid')::text FROM pg_publication p UNION ALL SELECT prrelid::regclass::text FROM pg_publication_rel
  UNION ALL SELECT (to_jsonb(r) - 'oid')::text FROM pg_roles r UNION ALL SELECT format('%s %s', objoid::text, description) FROM pg_description WHERE objoid >= 16384
  UNION ALL SELECT (to_jsonb(d) - 'oid')::text FROM pg_default_acl d UNION ALL SELECT slot_name FROM pg_replication_slots
  UNION ALL SELECT format('%s of plpgsql', objid) FROM pg_depend WHERE deptype = 'e' AND objid >= 16384) AS o`

const bin = '/usr/lib/postgresql/15/bin'

/** What pg_dump and pg_dumpall show, where there is one for the version, and the catalogue. */
async function picture(server: PostgresServerUnderTest): Promise<string> {
  const [row] = await server.sql(catalogue, 'shop')
  if (server.version > 15 || !existsSync(bin)) return row?.[0] ?? ''
  const dumps = [
    ['pg_dump', '-d', server.localUrl('shop')],
    ['pg_dumpall', '--roles-only', '--no-role-passwords', '-d', server.localUrl()],
  ].map(([program = '', ...argv]) => {
    const { status, stdout, stderr } = spawnSync(join(bin, program), argv, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    // Newer ones make it with every dump anew.
    return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '')
  })
  return [row?.[0], ...dumps].join('\n')
}

/** Only what differs is shown when it fails. */
function checkSame(now: string, before: string): void {
  const [is, was] = [now, before].map((text) => text.split('\n')) as [string[], string[]]
  assert.deepEqual(
    is.filter((line) => !was.includes(line)),
    [],
  )
  assert.deepEqual(
    was.filter((line) => !is.includes(line)),
    [],
  )
  assert.equal(is.length, was.length)
}

interface Running extends AsyncDisposable {
  watch(table: string, full: boolean): Promise<void>
}

async function running(source: SourceConnection): Promise<Running> {
  const dir = mkdtempSync(join(tmpdir(), 'removal-test-'))
  const handle = { tag: 'files' as const, dir, shared: new LogHead().shared }
  const thread = new IngestThread(
    { log: handle, source, settings: { closedTargetMs: 100, retentionMs: 60_000, maxLogBytes: 0 } },
    () => undefined,
  )
  await thread.ready
  return {
    async watch(table, full) {
      await using connection = await openRawConnection({ source })
      const [row] = await connection.query(`SELECT '${table}'::regclass::oid::text`)
      await watchTables(source, [
        { relid: Number(row?.[0]), statements: full ? [`ALTER TABLE ${table} REPLICA IDENTITY FULL`] : [] },
      ])
    },
    async [Symbol.asyncDispose]() {
      await thread.stop()
      rmSync(dir, { recursive: true })
    },
  }
}

async function makeState(state: SourceConnection): Promise<void> {
  await using connection = await openRawConnection({ source: state })
  const [row] = await connection.query(`SELECT to_regnamespace('changefeed_state')`)
  if (row?.[0] == null) await connection.query('CREATE SCHEMA changefeed_state')
  await makeJobTable({ query: (sql) => connection.query(sql), schema: 'changefeed_state' })
}

for (const version of versions) {
  test(
    `${version}: what was installed is taken back, and the database is as it was`,
    { skip: skipVersion(version) },
    async () => {
      await using server = await PostgresServerUnderTest.start({ version })
      await server.sql('CREATE DATABASE shop')
      await server.sql(schema, 'shop')
      const before = await picture(server)
      const source = server.source('shop')
      await makeState(source)
      {
        await using all = await running(source)
        await all.watch('public.plain', false)
        await all.watch('public.docs', true)
        await all.watch('public.by_index', true)
        const plan = await planRemoval({ source, state: source })
        assert.match(
          plan.needed.join(),
          /a server reads its slot "pg_changefeed_\d+": process \d+ of user "postgres" \(pg-changefeed ingest\)/,
        )
      }
      const plan = await planRemoval({ source, state: source })
      assert.deepEqual([plan.needed, plan.leaves, plan.undo], [[], [], []])
      assert.match(
        plan.removes.join('\n'),
        /table public\.docs from publication "pg_changefeed"; it gets REPLICA IDENTITY DEFAULT again/,
      )
      assert.match(plan.removes.join('\n'), /table public\.by_index .* USING INDEX again/)
      const now = await picture(server)
      assert.throws(() => checkSame(now, before))
      await remove({ source, state: source })
      checkSame(await picture(server), before)
      assert.deepEqual(await planRemoval({ source, state: source }), { removes: [], leaves: [], undo: [], needed: [] })
    },
  )

  test(
    `${version}: what was prepared is taken back by us and by the statements that we print, and the database is as it was`,
    { skip: skipVersion(version) },
    async () => {
      await using server = await PostgresServerUnderTest.start({ version })
      await server.sql('CREATE DATABASE shop')
      await server.sql(schema, 'shop')
      const before = await picture(server)
      const tables = [
        { schema: 'public', name: 'plain' },
        { schema: 'public', name: 'docs' },
        { schema: 'other', name: 'parted' },
      ]
      const script = (some: typeof tables): string =>
        setupScript({
          database: 'shop',
          role: 'cdc',
          tables: some,
          fullTables: some.slice(0, 1),
          hasState: true,
          groupRolesSql: undefined,
          seen: undefined,
        })
      for (const some of [tables.slice(0, 1), tables]) await server.sql(script(some).replace(/^\\.*$/gm, ''), 'shop')
      await server.setPassword('cdc')
      const source = server.source('shop', 'cdc')
      await makeState(source)
      {
        await using all = await running(source)
        await all.watch('public.plain', true)
      }
      const plan = await planRemoval({ source, state: source })
      assert.deepEqual(plan.needed, [])
      assert.match(
        plan.removes.join('\n'),
        /^replication slot "pg_changefeed_\d+"\njobs, settings and privileges in schema changefeed_state of database "shop"/,
      )
      await remove({ source, state: source })
      const after = await planRemoval({ source, state: source })
      assert.deepEqual(after.removes, [])
      assert.equal(after.undo[0], 'DROP PUBLICATION IF EXISTS pg_changefeed;')
      assert.match(after.undo.at(-1) ?? '', /^DROP OWNED BY cdc; DROP ROLE cdc;$/)
      await server.sql(after.undo.join('\n'), 'shop')
      checkSame(await picture(server), before)
    },
  )
}

test('jobs that are not over keep what they need, by their ids', async () => {
  await using server = await PostgresServerUnderTest.start()
  await server.sql('CREATE DATABASE shop')
  const source = server.source('shop')
  await makeState(source)
  const payload = JSON.stringify({ version: 1, spec: { database: 'shop', targets: [] } })
  await server.sql(
    `INSERT INTO changefeed_state.jobs (job_id, description, user_name, status, payload, progress) VALUES (7, '', 'u', 'paused', '${payload}', '{}')`,
    'shop',
  )
  const { needed } = await planRemoval({ source, state: source })
  assert.match(needed.join(), /a job is not over: 7 \(database "shop"\)/)
})

test('the state of another PostgreSQL is refused, and nothing is removed', async () => {
  await using server = await PostgresServerUnderTest.start()
  await server.sql('CREATE DATABASE shop')
  const source = server.source('shop')
  await makeState(source)
  await server.sql(
    `CREATE TABLE changefeed_state.source (is_only bool PRIMARY KEY DEFAULT true, system_identifier text NOT NULL); INSERT INTO changefeed_state.source (system_identifier) VALUES ('1')`,
    'shop',
  )
  const [oid] = await server.sql('SELECT oid FROM pg_database WHERE datname = current_database()', 'shop')
  await server.sql(`SELECT pg_create_logical_replication_slot('pg_changefeed_${oid?.[0]}', 'pgoutput')`, 'shop')
  const refused =
    /schema changefeed_state of database "shop" are of another PostgreSQL: its system identifier is 1, that/
  await assert.rejects(planRemoval({ source, state: source }), refused)
  await assert.rejects(remove({ source, state: source }), refused)
  const left = await server.sql(
    `SELECT to_regclass('changefeed_state.jobs'), (SELECT count(*) FROM pg_replication_slots)`,
    'shop',
  )
  assert.deepEqual(left, [['changefeed_state.jobs', '1']])
  await server.sql(
    'UPDATE changefeed_state.source SET system_identifier = (SELECT system_identifier FROM pg_control_system())',
    'shop',
  )
  await remove({ source, state: source })
  assert.deepEqual((await planRemoval({ source, state: source })).removes, [])
})

test('what belongs to somebody else and has a name of ours stays', async () => {
  await using server = await PostgresServerUnderTest.start()
  await server.sql('CREATE DATABASE shop')
  await server.sql('CREATE SCHEMA changefeed_state; CREATE TABLE changefeed_state.invoices (id int)', 'shop')
  const [oid] = await server.sql('SELECT oid FROM pg_database WHERE datname = current_database()', 'shop')
  await server.sql(`SELECT pg_create_logical_replication_slot('pg_changefeed_${oid?.[0]}', 'test_decoding')`, 'shop')
  const source = server.source('shop')
  assert.deepEqual((await planRemoval({ source, state: source })).removes, [])
  await makeState(source)
  await server.sql('CREATE VIEW changefeed_state.mine AS SELECT job_id FROM changefeed_state.jobs', 'shop')
  await assert.rejects(remove({ source, state: source }), /other objects depend on it/)
  await server.sql('DROP VIEW changefeed_state.mine', 'shop')
  await remove({ source, state: source })
  const left = await server.sql(
    `SELECT to_regclass('changefeed_state.invoices'), to_regclass('changefeed_state.jobs'), (SELECT count(*) FROM pg_replication_slots)`,
    'shop',
  )
  assert.deepEqual(left, [['changefeed_state.invoices', null, '1']])
})

test('a server that runs keeps the state, also before its first changefeed', async () => {
  await using server = await PostgresServerUnderTest.start()
  await server.sql('CREATE DATABASE shop')
  const source = server.source('shop')
  await makeState(source)
  const pool = openPool(source, 1)
  try {
    await pool.query('SELECT 1')
    const { needed } = await planRemoval({ source, state: source })
    assert.match(
      needed.join(),
      /a server uses the jobs and settings: process \d+ of user "postgres" \(pg-changefeed state\)/,
    )
  } finally {
    await pool.end()
  }
})
