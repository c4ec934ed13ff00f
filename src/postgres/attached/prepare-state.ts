// The schema of the state in a PostgreSQL that is not ours: made if our role may, or else by a DBA.

import { quoteName } from '../../core/quote.ts'
import type { StateSchema } from '../../core/state.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Queries } from '../queries.ts'
import type { SourceConnection } from '../source-connection.ts'
import { reachWithin } from './reach.ts'

const schema: StateSchema = 'changefeed_state'

export async function prepareState(source: SourceConnection): Promise<void> {
  await using connection = await reachWithin(source)
  await makeSchema(connection, source)
}

async function makeSchema(connection: Queries, { database, user }: SourceConnection): Promise<void> {
  const [row] = await connection.query(
    `SELECT n.oid IS NOT NULL, pg_catalog.has_schema_privilege(n.oid, 'USAGE, CREATE')
     FROM (SELECT) AS one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = '${schema}'`,
  )
  const [isThere, mayUse] = row ?? []
  if (mayUse === 't') return
  const role = quoteName(user)
  if (isThere === 't') {
    throw new FeedError('FEED_START', `role ${role} may not use schema ${schema} of database "${database}"`, {
      hint: `GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role}; or name another database with --system-url`,
    })
  }
  try {
    await connection.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
  } catch (error) {
    throw noSchema(error, { database, role })
  }
}

function noSchema(error: unknown, { database, role }: { readonly database: string; readonly role: string }): unknown {
  if (!(error instanceof FeedError)) return error
  if (error.sqlstate === '42501') {
    return new FeedError(
      'FEED_START',
      `jobs and settings need a schema in database "${database}", and role ${role} may not create it`,
      {
        hint: `let its owner run these two lines there, or name another database with --system-url:
CREATE SCHEMA ${schema};
GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role};`,
        cause: error,
      },
    )
  }
  return new FeedError('FEED_START', `schema ${schema} cannot be made in database "${database}": ${error.message}`, {
    sqlstate: error.sqlstate,
    hint: 'name another database with --system-url',
    cause: error,
  })
}
