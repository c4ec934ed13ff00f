// The script of setup-sql run by DBAs who are no superusers, on every version: it makes what a server starts with, or refuses with
// the reason and changes nothing; and what it then asks of a superuser is enough.

import assert from 'node:assert/strict'
import test from 'node:test'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import { postgresVersions, skipVersion } from '../../../test/support/servers/postgres-versions.ts'
import { versionsOfRun } from '../../../test/support/servers/server-of-tests.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { prepareState } from '../../postgres/attached/prepare-state.ts'
import { openRawConnection } from '../../postgres/raw-connection.ts'
import { setupScript } from './setup-script.ts'

interface Dba {
  readonly name: string
  readonly attributes?: string
  /** By a superuser in the database, where role dba has CREATE and owns the tables. */
  readonly before: string
  /** From this version on the script does it all; undefined: it never does. */
  readonly since?: 14 | 16 | undefined
  /** ... and up to this one. */
  readonly until?: 15
  readonly says?: RegExp
}

const cdc = 'CREATE ROLE "Cdc" LOGIN REPLICATION'

const dbas: readonly Dba[] = [
  {
    name: 'may make roles, and the role is there',
    attributes: 'CREATEROLE',
    before: cdc,
    since: 14,
    until: 15,
    says: /^schema changefeed_state in database "shop" would belong to role dba, so .* would not start: nothing was changed$/,
  },
  {
    name: 'may make roles that replicate',
    attributes: 'CREATEROLE REPLICATION',
    before: '',
    since: 16,
    says: /^role dba may not give role "Cdc" the right to replicate: nothing was changed$/,
  },
  {
    name: 'may not replicate',
    attributes: 'CREATEROLE',
    before: '',
    says: /^role dba may not give role "Cdc" the right to replicate/,
  },
  { name: 'owns the database', before: `${cdc}; ALTER DATABASE shop OWNER TO dba`, since: 14 },
  {
    name: 'may make no roles',
    before: cdc,
    says: /^schema changefeed_state in database "shop" would belong to role dba/,
  },
  {
    name: 'does not own the schema of the state',
    before: `${cdc}; CREATE SCHEMA changefeed_state; GRANT USAGE ON SCHEMA changefeed_state TO dba, "Cdc"`,
    says: /^role "Cdc" may not use schema changefeed_state in database "shop", and dba may not grant it: nothing was changed$/,
  },
  {
    name: 'does not own the schema of a table',
    before: `${cdc}; CREATE SCHEMA x; GRANT USAGE, CREATE ON SCHEMA x TO dba; ALTER TABLE orders SET SCHEMA x; CREATE SCHEMA changefeed_state AUTHORIZATION "Cdc"`,
    says: /^role dba may not grant USAGE on schema x: nothing was changed$/,
  },
]

const catalogue = `SELECT string_agg(x, ' ' ORDER BY x) FROM (SELECT concat(rolname, rolreplication) AS x FROM pg_roles UNION ALL SELECT pubname FROM pg_publication UNION ALL SELECT concat(nspname, nspacl) FROM pg_namespace
  UNION ALL SELECT concat(relname, ' ', relreplident, relacl) FROM pg_class WHERE oid >= 16384) AS o`
const memberships = `SELECT roleid::regrole, member::regrole, grantor::regrole, admin_option FROM pg_auth_members WHERE roleid >= 16384 AND grantor <> 10`

async function scriptOf(server: PostgresServerUnderTest): Promise<string> {
  const [row] = await server.sql(
    `SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 'orders'`,
    'shop',
  )
  return setupScript({
    database: 'shop',
    role: 'Cdc',
    tables: [{ schema: row?.[0] ?? '', name: 'orders' }],
    fullTables: [],
    hasState: true,
    groupRolesSql: undefined,
    seen: undefined,
  }).replace(/^\\.*$/gm, '')
}

/** As `changefeed start` does it. */
async function startsWith(server: PostgresServerUnderTest): Promise<void> {
  const state = server.localSource('shop', 'Cdc')
  await using connection = await openRawConnection({ source: state })
  await prepareState({ connection, state, source: '1' })
}

for (const version of versionsOfRun(postgresVersions)) {
  test(
    `${version}: what a DBA of few rights prepares is enough, or nothing is changed`,
    { skip: skipVersion(version) },
    async (t) => {
      await using server = await PostgresServerUnderTest.start({ version })
      for (const { name, attributes = '', before, since, until, says } of dbas) {
        await t.test(`a DBA who ${name}`, async () => {
          await server.sql('DROP DATABASE IF EXISTS shop')
          await server.sql(`DROP ROLE IF EXISTS "Cdc"; DROP ROLE IF EXISTS dba; CREATE ROLE dba LOGIN ${attributes}`)
          await server.sql('CREATE DATABASE shop')
          await server.sql('GRANT CREATE ON DATABASE shop TO dba; GRANT CREATE ON SCHEMA public TO dba', 'shop')
          await server.sql('CREATE TABLE orders (id int PRIMARY KEY)', 'shop', 'dba')
          await server.sql(before, 'shop')
          const script = await scriptOf(server)
          const [was, members] = [await server.sql(catalogue, 'shop'), await server.sql(memberships)]
          const isEnough = since !== undefined && version >= since && (until === undefined || version <= until)
          if (isEnough) await server.sql(script, 'shop', 'dba')
          else {
            const error = await server.sql(script, 'shop', 'dba').then(
              () => assert.fail('it is refused'),
              (reason: unknown) => reason as FeedError,
            )
            assert.match(error.message, says ?? /never/)
            assert.deepEqual(await server.sql(catalogue, 'shop'), was)
            // One thing after another is asked of the superuser.
            await runHints(server, { script, error })
          }
          assert.deepEqual(await server.sql(memberships), members, 'the DBA is no member of the role')
          await startsWith(server)
        })
      }
    },
  )
}

async function runHints(
  server: PostgresServerUnderTest,
  { script, error }: { readonly script: string; readonly error: FeedError },
): Promise<void> {
  let hint: string = error.hint ?? ''
  for (let i = 0; i < 3; i++) {
    const [, statements = ''] = / runs: (.*); and then this script/.exec(hint) ?? []
    assert.notEqual(statements, '', hint)
    await server.sql(statements, 'shop')
    try {
      return void (await server.sql(script, 'shop', 'dba'))
    } catch (reason) {
      hint = (reason as FeedError).hint ?? ''
    }
  }
  assert.fail(hint)
}
