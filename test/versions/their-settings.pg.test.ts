// Settings that somebody has made for the server, a database, a role, or a role in a database: no byte of a feed differs, nothing of
// ours ends, and nothing of ours is refused. A feed scans, follows, and after a time without our server pulls in bulk; a job runs,
// is paused and goes on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { queryOnce } from '../../src/postgres/raw-connection.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { hlcOf, withoutTime } from '../feed/test-feed.ts'
import { prepared, startAttached, type Attached } from '../server/attached.ts'
import { skipVersion, type PostgresVersion } from '../support/servers/postgres-versions.ts'
import { within } from '../support/until.ts'

/** What changes the text of values, or how statements are read. */
const texts: Readonly<Record<string, string>> = {
  DateStyle: 'German',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Asia/Tokyo',
  extra_float_digits: '-5',
  bytea_output: 'escape',
  xmlbinary: 'hex',
  xmloption: 'document',
  quote_all_identifiers: 'on',
  search_path: 'evil, public, pg_catalog',
  client_encoding: 'LATIN1',
  standard_conforming_strings: 'off',
  escape_string_warning: 'off',
  transform_null_equals: 'on',
  array_nulls: 'off',
  default_text_search_config: 'pg_catalog.german',
  check_function_bodies: 'off',
}

/** What makes sessions slow, strict or unable to write. */
const habits: Readonly<Record<string, string>> = {
  default_transaction_read_only: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  row_security: 'on',
  synchronous_commit: 'off',
  jit: 'on',
  jit_above_cost: '0',
  plan_cache_mode: 'force_generic_plan',
  enable_indexscan: 'off',
  work_mem: '64kB',
  default_table_access_method: 'nowhere',
  default_tablespace: 'nowhere',
  'plpgsql.extra_errors': 'all',
  'plpgsql.variable_conflict': 'use_column',
}

/** Limits that end statements and sessions. */
const limits: Readonly<Record<string, string>> = {
  statement_timeout: '1ms',
  lock_timeout: '1ms',
  idle_in_transaction_session_timeout: '1ms',
  idle_session_timeout: '1ms',
  wal_sender_timeout: '10ms',
  tcp_user_timeout: '1ms',
  client_connection_check_interval: '1ms',
  exit_on_error: 'on',
}

/** Only in force for a superuser's sessions, or only known to later versions. */
const more = (version: PostgresVersion): Readonly<Record<string, string>> => ({
  ...(version >= 17 ? { transaction_timeout: '300ms' } : {}),
  session_replication_role: 'replica',
})

/** The clients of the tests have these settings, too: for them the limits must let a statement end. */
const forEverybody: Readonly<Record<string, string>> = {
  ...texts,
  ...habits,
  statement_timeout: '20s',
  lock_timeout: '20s',
  idle_in_transaction_session_timeout: '700ms',
  wal_sender_timeout: '100ms',
}

interface Level {
  readonly name: string
  /** What stands before SET. */
  readonly whose: string
  readonly settings: (version: PostgresVersion) => Readonly<Record<string, string>>
}

const ofOurs: Level['settings'] = (version) => ({ ...texts, ...habits, ...limits, ...more(version) })
const levels = (role: string): readonly Level[] => [
  { name: 'the role', whose: `ALTER ROLE ${role}`, settings: ofOurs },
  { name: 'the role in the database', whose: `ALTER ROLE ${role} IN DATABASE app`, settings: ofOurs },
  { name: 'the database', whose: 'ALTER DATABASE app', settings: () => forEverybody },
  { name: 'all roles', whose: 'ALTER ROLE ALL', settings: () => forEverybody },
  { name: 'the server', whose: 'ALTER SYSTEM', settings: () => withoutExtensions(forEverybody) },
]

/** ALTER SYSTEM takes only what the server knows. */
function withoutExtensions(settings: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const refused = /^(plpgsql\.|default_table_access_method|default_tablespace|session_replication_role)/
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !refused.test(name)))
}

/** Objects that the search path finds before those of PostgreSQL. */
const evilSql = `CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''evil''; END';
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN RAISE ''evil''; END';
CREATE FUNCTION evil.differ(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.differ);
CREATE TABLE evil.pg_class (); CREATE TABLE evil.pg_database (); CREATE VIEW evil.pg_settings AS SELECT 1 AS one`

const tableSql = (name: string): string => `CREATE TYPE ${name}_pair AS (at timestamptz, f float8);
CREATE TABLE ${name} (id int PRIMARY KEY, at timestamptz, d date, i interval, f float8, f4 float4, b bytea, r regclass, o regtype, m money,
  x xml, s tstzrange, a timestamptz[], p ${name}_pair, t text, e text[], v int)`

const rowSql = `'2026-01-02 03:04:05Z', '2026-02-01', '1 day 2:00', 0.1::float8 + 0.2, 0.3, '\\x00ff', 'pg_catalog.pg_class', 'pg_catalog.int4', 12.34,
  '<a>é</a>', '[2026-01-02 00:00Z,)', '{2026-01-02 00:00Z,NULL}', ROW('2026-01-02 03:04:05Z', 0.1::float8 + 0.2), E'back\\\\slash ''é''', '{NULL,"a b"}', 0`

/** Clients of the tests have another role. */
const superuser = { role: { name: 'feeds', attributes: 'SUPERUSER' } } as const

/** The others pass, too; they say little more, and each takes half a minute. */
const kinds = [
  { version: 14, role: 'cdc', name: 'as a role of few rights' },
  { version: 18, role: 'feeds', name: 'as a superuser' },
] as const

for (const { version, role, name } of kinds) {
  test(
    `settings of others change nothing on PostgreSQL ${version}, ${name}`,
    { skip: skipVersion(version), timeout: 600_000 },
    async () => {
      await using attached = await startAttached({ version, ...(role === 'cdc' ? prepared : superuser) })
      const { postgres, server } = attached
      const admin = (sql: string): Promise<(string | null)[][]> => queryOnce(postgres.localSource('app'), sql)
      await admin(evilSql)
      const clean = await lifeOfAFeed(attached, { table: 'plain', role, admin })
      for (const [i, level] of levels(role).entries()) {
        const settings = Object.entries(level.settings(version))
        for (const [setting, value] of settings)
          await admin(`${level.whose} SET ${setting} = ${literal(setting, value)}`)
        await admin('SELECT pg_reload_conf()')
        await server.kill()
        await server.restart()
        assert.deepEqual(await lifeOfAFeed(attached, { table: `hostile${i}`, role, admin }), clean, level.name)
        await admin(`${level.whose} RESET ALL`)
      }
      // Under way: the sessions of ours are there already.
      await using feed = await open(attached, 'plain', `initial_scan = 'no'`)
      await feed.resolvedPast(zeroHlc)
      for (const [setting, value] of Object.entries(withoutExtensions(forEverybody)))
        await admin(`ALTER SYSTEM SET ${setting} = ${literal(setting, value)}`)
      await admin('SELECT pg_reload_conf()')
      await admin('UPDATE public.plain SET v = v + 1 WHERE id = 1')
      const [row] = await feed.row(1)
      const last = clean.findLast((text) => text.startsWith('[1]->')) ?? ''
      assert.equal(
        withoutTime(`${row?.key}->${row?.value}`),
        last.replace(/"v": \d+/, `"v": ${clean.length === 0 ? 0 : 3}`),
      )
    },
  )
}

function literal(setting: string, value: string): string {
  return setting === 'search_path' ? value : `'${value}'`
}

interface Life {
  readonly table: string
  readonly role: string
  readonly admin: (sql: string) => Promise<(string | null)[][]>
}

function open({ server }: Attached, table: string, options: string): Promise<SinklessFeed> {
  return SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR public.${table} WITH updated, resolved = '100ms', ${options}`,
  )
}

/** What a feed says of the rows of a table from its scan to a pull in bulk, without the name of the table. */
async function lifeOfAFeed(attached: Attached, { table, role, admin }: Life): Promise<readonly string[]> {
  const { server } = attached
  const said: string[] = []
  const take = (feed: SinklessFeed): void => {
    said.push(
      ...feed.texts.map((text) =>
        withoutTime(text)
          .slice(table.length + 2)
          .replaceAll(table, 'table'),
      ),
    )
  }
  await admin(`SET search_path = public; ${tableSql(table)}`)
  if (role === 'cdc') await admin(prepared.tableSql(`public.${table}`))
  await admin(`INSERT INTO public.${table} VALUES (1, ${rowSql})`)
  let cursor = zeroHlc
  {
    await using feed = await open(attached, table, `initial_scan = 'yes'`)
    await feed.row(1)
    await admin(`UPDATE public.${table} SET v = v + 1; INSERT INTO public.${table} VALUES (2, ${rowSql})`)
    const last = (await feed.row(3))[2]
    cursor = await feed.resolvedPast(hlcOf(last?.value ?? '', 'updated'))
    take(feed)
  }
  const [made] = await server.sql(`CREATE CHANGEFEED FOR public.${table} INTO 'null://'`)
  const id = String(made?.['job_id'])
  for (const [statement, status] of [
    [`PAUSE JOB ${id}`, 'paused'],
    [`RESUME JOB ${id}`, 'running'],
    [`CANCEL JOB ${id}`, 'canceled'],
  ] as const) {
    await server.sql(statement)
    await within(
      30_000,
      `the job is ${status}`,
      async () => (await server.sql(`SHOW JOB ${id}`))[0]?.['status'] === status,
    )
  }
  await server.kill()
  await admin(
    `UPDATE public.${table} SET v = v + 1; DELETE FROM public.${table} WHERE id = 2;
     INSERT INTO public.${table} (id, t) SELECT g, repeat('x', 1000) FROM generate_series(10, 12009) g; DELETE FROM public.${table} WHERE id >= 10`,
  )
  await server.restart()
  {
    await using feed = await open(attached, table, `cursor = '${formatHlc(cursor)}'`)
    await feed.row(2)
    take(feed)
  }
  return said.filter((text) => !/^\[\d{2,}\]/.test(text))
}
