// What PostgreSQL says is installed, against our lists: both contain the same, and the rights are those of the list.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { needsVersion } from '../../test/support/servers/server-of-tests.ts'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { functionNames, functions, type FunctionName, type Right, type SourceFunction } from './functions.ts'
import { install } from './source-schema.ts'
import { eventTriggers, tables } from './objects.ts'

let server: TestPostgres
let db: TestDatabase
before(async () => {
  server = await TestPostgres.start()
  db = await server.database()
  const connection = await db.connect()
  await install(connection)
  await connection.close()
})
after(async () => {
  await db[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const listed = (columns: Readonly<Record<string, string>>, prefix = ''): string =>
  Object.entries(columns)
    .map(([name, type]) => `${prefix}${name} ${type}`)
    .join(', ')

function signature(name: string, { parameters, returns, rows, isSecurityDefiner }: SourceFunction): string {
  const columns = typeof returns === 'object' ? returns : {}
  const out = rows === 'one row' ? `, ${listed(columns, 'OUT ')}` : ''
  const result =
    typeof returns === 'object' ? (rows === 'one row' ? 'record' : `TABLE(${listed(columns)})`) : (returns ?? 'void')
  return `${name}(${listed(parameters)}${out}) ${result} ${isSecurityDefiner === true ? 'DEFINER' : 'INVOKER'}`
}

test('the functions that are installed are those of the list, with these parameters, results and SECURITY', async () => {
  const rows = await db.sql(
    `SELECT format('%s(%s) %s %s', proname, CASE WHEN proretset THEN pg_get_function_identity_arguments(oid) ELSE pg_get_function_arguments(oid) END, pg_get_function_result(oid),
       CASE WHEN prosecdef THEN 'DEFINER' ELSE 'INVOKER' END)
     FROM pg_proc WHERE pronamespace = 'changefeed'::regnamespace`,
  )
  assert.deepEqual(
    rows.map(([text]) => text).toSorted(),
    functionNames.map((name) => signature(name, functions[name])).toSorted(),
  )
})

test('each function belongs to a superuser, finds only names of PostgreSQL without a schema, and is granted to nobody', async () => {
  const rows = await db.sql(
    `SELECT proname FROM pg_proc p JOIN pg_roles r ON r.oid = proowner WHERE pronamespace = 'changefeed'::regnamespace
       AND NOT (rolsuper AND 'search_path=pg_catalog, pg_temp' = ANY (proconfig) AND proacl IS NULL)`,
  )
  assert.deepEqual(rows, [])
  const acl = `SELECT grantee::regrole::text, privilege_type FROM pg_namespace n JOIN pg_roles r ON r.oid = nspowner, aclexplode(nspacl) a WHERE nspname = 'changefeed' AND a.grantee <> nspowner`
  assert.deepEqual(await db.sql(acl), [])
})

test('the tables, columns and event triggers that are installed are those of the list', async () => {
  const columns = await db.sql(
    `SELECT relname, string_agg(attname, ' ' ORDER BY attnum) FROM pg_class c LEFT JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
     WHERE relnamespace = 'changefeed'::regnamespace AND relkind IN ('r', 'v', 'm', 'f', 'p', 'S') GROUP BY relname`,
  )
  assert.deepEqual(
    columns.map(([table, names]) => `${table}: ${names ?? ''}`).toSorted(),
    Object.entries(tables)
      .map(([table, of]) => `${table}: ${Object.keys(of.columns).join(' ')}`)
      .toSorted(),
  )
  const triggers = await db.sql(
    `SELECT evtname, evtevent, proname, evtenabled FROM pg_event_trigger JOIN pg_proc p ON p.oid = evtfoid`,
  )
  assert.deepEqual(
    triggers.map((row) => row.join(' ')).toSorted(),
    Object.entries(eventTriggers)
      .map(([name, { on, calls }]) => `${name} ${on} ${calls} A`)
      .toSorted(),
  )
})

/** A call of each function that gets to where it needs its rights. Triggers are not called so. */
const calls: Readonly<Partial<Record<FunctionName, string>>> = {
  changed_among: `ARRAY['t'::regclass::oid], '{}', '{}'`,
  columns_of: '0',
  concerned: `ARRAY['t'::regclass::oid], '{}'`,
  concerned_by_schemas: `ARRAY['public'::regnamespace::oid]`,
  describe: `'t'::regclass`,
  distrust: `'a reason'`,
  forget_partition: `'t'::regclass`,
  hindrance: `'t'::regclass`,
  hold: `'t'::regclass, '{}'`,
  hold_types: `'{}', false`,
  is_incomplete: `'t'::regclass`,
  is_being_detached: `'t'::regclass`,
  join_partition: `'t'::regclass, true`,
  keep_complete: `'t'::regclass, 'd', true`,
  key_index: `'t'::regclass`,
  lasting: `'{"columns": []}'`,
  lockers: `'t'::regclass`,
  look: `0, 10, '{}'`,
  look_at: `'t'::regclass, 'look', '{}'`,
  lost: '',
  mend: '',
  missed: `ARRAY['t'::regclass::oid]`,
  moved_partitions: `ARRAY['t'::regclass::oid]`,
  needs_full: `'t'::regclass`,
  open_list: 'true',
  print_of: `'{"columns": []}'`,
  published: `'t'::regclass`,
  published_among: `ARRAY['t'::regclass::oid]`,
  publishes_all: '',
  reads_otherwise: `'{}', '{}'`,
  refuse_hindrance: `'t'::regclass, 'p'`,
  register: `'t'::regclass`,
  row_types: `ARRAY['t'::regclass::oid]`,
  type_modifier: `'int4'::regtype`,
  type_shape: `'int4'::regtype`,
  types_in: `ARRAY['int4'::regtype::oid]`,
  types_of: `'t'::regclass`,
  uses: `ARRAY['t'::regclass::oid], '{}'`,
}

const needsRights = '42501'

/** Whether PostgreSQL lets the role of the connection run the function; nothing of the call stays. */
async function mayRun(connection: RawConnection, name: FunctionName): Promise<boolean> {
  try {
    await connection.query(`BEGIN; SELECT changefeed.${name}(${calls[name]})`)
    return true
  } catch (error) {
    if (!(error instanceof FeedError)) throw error
    if (error.sqlstate === needsRights) return false
    // It got further than rights, and refuses for another reason.
    assert.match(error.sqlstate, /^55/, `${name}: ${error.message}`)
    return true
  } finally {
    await connection.query('ROLLBACK')
  }
}

/** What gives a role one of the rights. */
const grants = (role: string): Readonly<Record<Right, string>> => ({
  'owner of the schema': `GRANT ALL ON ALL TABLES IN SCHEMA changefeed TO ${role}; ALTER TABLE changefeed.watched DISABLE TRIGGER only_ours; ALTER TABLE changefeed.source DISABLE TRIGGER only_ours`,
  'SET deadlock_timeout': `GRANT SET ON PARAMETER deadlock_timeout TO ${role}`,
  'owner of the publication': `ALTER PUBLICATION pg_changefeed OWNER TO ${role}`,
})

test(
  'a role with the rights of the list may run a function, and one that lacks one of them may not',
  {
    skip: needsVersion(15),
  },
  async () => {
    const facts: Readonly<Record<FunctionName, SourceFunction>> = functions
    const names = functionNames.filter((name) => !String(facts[name].returns).endsWith('trigger'))
    assert.deepEqual(Object.keys(calls).toSorted(), names)
    for (const missing of [undefined, ...Object.keys(grants(''))]) {
      await using other = await server.database()
      const role = `worker_of_${other.source.database}`
      const owner = await other.connect()
      await install(owner)
      await owner.query(
        `SET changefeed.internal = 'on'; CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA changefeed TO ${role}; GRANT CREATE ON DATABASE ${other.source.database} TO ${role};
       CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (id int PRIMARY KEY, big text, e e); ALTER TABLE t OWNER TO ${role}; SELECT changefeed.register('t'::regclass);
       -- There is something to find, and something to mend.
       UPDATE changefeed.watched SET rewrites = 1; ALTER PUBLICATION pg_changefeed ADD TABLE t; ALTER PUBLICATION pg_changefeed SET (publish = 'insert')`,
      )
      for (const [right, sql] of Object.entries(grants(role))) if (right !== missing) await owner.query(sql)
      const worker = await other.connect(role)
      const refused: string[] = []
      for (const name of names) if (!(await mayRun(worker, name))) refused.push(name)
      const expected = names.filter((name) => facts[name].needs?.some((need) => need === missing))
      assert.deepEqual(refused, expected, `without: ${missing}`)
      await worker.close()
      await owner.close()
    }
  },
)
