// The schema of the state in a PostgreSQL that is not ours: made if our role may, or else by a DBA. It belongs to one source, because
// jobs name tables and databases of that source by their oids.

import { quoteName, quoteString } from '../../core/quote.ts'
import type { StateSchema } from '../../core/state.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Queries } from '../queries.ts'
import type { SourceConnection } from '../source-connection.ts'
import { placeOf } from './place.ts'

export const stateSchema: StateSchema = 'changefeed_state'

/** What a server keeps in the schema. */
export const stateTables = ['jobs', 'settings', 'table_privileges', 'group_roles', 'source'] as const

export interface StateOptions {
  /** A connection to the database of the state. */
  readonly connection: Queries
  readonly state: SourceConnection
  /** The system identifier of the source; undefined if it is not known. */
  readonly source: string | undefined
}

/** Makes what is missing. Throws FEED_START with what a DBA has to do if our role may not. */
export async function prepareState(options: StateOptions): Promise<void> {
  await refuseStandby(options)
  await makeSchema(options)
  await refuseStrangers(options)
  await bindToSource(options)
}

async function refuseStandby({ connection, state }: StateOptions): Promise<void> {
  const [row] = await connection.query('SELECT pg_catalog.pg_is_in_recovery()')
  if (row?.[0] !== 't') return
  throw new FeedError(
    'FEED_START',
    `jobs and settings cannot be kept in ${placeOf(state)}: it is a standby, which cannot be written to`,
    {
      hint: 'name a database of the primary, or of another PostgreSQL, with --system-url',
    },
  )
}

async function makeSchema({ connection, state }: StateOptions): Promise<void> {
  const [row] = await connection.query(
    `SELECT n.oid IS NOT NULL, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')
     FROM (SELECT) AS one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = '${stateSchema}'`,
  )
  const [isThere, mayUse] = row ?? []
  if (mayUse === 't') return
  const { database } = state
  const role = quoteName(state.user)
  if (isThere === 't') {
    throw new FeedError('FEED_START', `role ${role} may not use schema ${stateSchema} of database "${database}"`, {
      hint: `let its owner run this there, or name another database with --system-url:
GRANT USAGE, CREATE ON SCHEMA ${stateSchema} TO ${role};`,
    })
  }
  try {
    await connection.query(`CREATE SCHEMA IF NOT EXISTS ${stateSchema}`)
  } catch (error) {
    throw noSchema(error, { database, role })
  }
}

function noSchema(error: unknown, { database, role }: { readonly database: string; readonly role: string }): unknown {
  if (!(error instanceof FeedError)) return error
  // Another server that starts at the same moment has made it.
  if (error.sqlstate === '23505') return new FeedError('FEED_SOURCE_DOWN', error.message, { cause: error })
  if (error.sqlstate === '42501') {
    return new FeedError(
      'FEED_START',
      `jobs and settings need a schema in database "${database}", and role ${role} may not create it`,
      {
        hint: `let an owner of the database run these two lines there, or name another database with --system-url:
CREATE SCHEMA ${stateSchema};
GRANT USAGE, CREATE ON SCHEMA ${stateSchema} TO ${role};`,
        cause: error,
      },
    )
  }
  return new FeedError(
    'FEED_START',
    `schema ${stateSchema} cannot be made in database "${database}": ${error.message}`,
    {
      sqlstate: error.sqlstate,
      hint: 'name another database with --system-url',
      cause: error,
    },
  )
}

/**
 * The first object, if any, because of which a role must not use the schema, and its owner. `me` is an expression in SQL: the role's
 * name. Our tables must belong to the role, or to one of which it is a member, because a server makes and alters them.
 *
 * Whoever owns the schema or something in it could let what we run there do what they like, with our rights. To a superuser that may be
 * superusers only; to other roles also those of which they are members, and for the schema the owner of the database.
 */
export const strangersSql = (me: string): string =>
  `SELECT o.name, r.rolname, r.rolsuper FROM (
     SELECT 'schema ${stateSchema}' AS name, nspowner AS owner, true AS is_schema FROM pg_catalog.pg_namespace WHERE nspname = '${stateSchema}'
       UNION ALL SELECT '${stateSchema}.' || relname, relowner, false FROM pg_catalog.pg_class WHERE relnamespace = '${stateSchema}'::regnamespace
       UNION ALL SELECT 'function ${stateSchema}.' || proname, proowner, false FROM pg_catalog.pg_proc WHERE pronamespace = '${stateSchema}'::regnamespace
     ) AS o JOIN pg_catalog.pg_roles r ON r.oid = o.owner, pg_catalog.pg_roles me
     WHERE me.rolname = ${me} AND (NOT r.rolsuper AND (me.rolsuper OR NOT (pg_catalog.pg_has_role(me.oid, r.oid, 'USAGE')
       OR o.is_schema AND r.oid = (SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database())))
     OR o.name IN (${stateTables.map((table) => `'${stateSchema}.${table}'`).join(', ')}) AND NOT pg_catalog.pg_has_role(me.oid, r.oid, 'USAGE')) LIMIT 1`

/** What to do about an object that `strangersSql` has found. */
export function strangerHint(owner: string): string {
  return `changefeed uninstall as ${quoteName(owner)} or a superuser removes jobs and settings that nobody needs any more; to keep them: connect as ${quoteName(owner)}, if it needs no more rights than changefeeds do; or name another database with --system-url`
}

async function refuseStrangers({ connection, state }: StateOptions): Promise<void> {
  const [row] = await connection.query(strangersSql('current_user'))
  if (row === undefined) return
  const [what, owner, isSuper] = row
  const role = quoteName(state.user)
  throw new FeedError(
    'FEED_START',
    `${what} in database "${state.database}" belongs to role ${quoteName(owner ?? '')}, ${isSuper === 't' ? `and role ${role} may not use it as its own` : `which would get the rights of ${role} by that`}`,
    { hint: strangerHint(owner ?? '') },
  )
}

/** The first server writes which source it is; others are refused if theirs is another one. */
async function bindToSource({ connection, state, source }: StateOptions): Promise<void> {
  if (source === undefined) return
  await connection.query(
    `CREATE TABLE IF NOT EXISTS ${stateSchema}.source (is_only bool PRIMARY KEY DEFAULT true CHECK (is_only), system_identifier text NOT NULL);
     INSERT INTO ${stateSchema}.source (system_identifier) VALUES (${quoteString(source)}) ON CONFLICT DO NOTHING`,
  )
  const [row] = await connection.query(`SELECT system_identifier FROM ${stateSchema}.source`)
  if (row?.[0] === source) return
  throw new FeedError(
    'FEED_START',
    `the jobs in database "${state.database}" are of another PostgreSQL: its system identifier is ${row?.[0]}, that of --postgres is ${source}`,
    {
      hint: `name another database with --system-url. If the PostgreSQL of --postgres is the upgraded one (pg_upgrade), so that its tables have the same oids, run there:
UPDATE ${stateSchema}.source SET system_identifier = '${source}';`,
    },
  )
}
