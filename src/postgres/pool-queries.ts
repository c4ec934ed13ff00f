// Queries over a pool of connections to the system database, which contains settings, jobs and rights. Errors of PostgreSQL and of the
// connection are reported as such, and not as an error of this program.

import pg from 'pg'
import { FeedError } from '../errors/feed-error.ts'
import { transientStates } from './server-error.ts'
import { laterParametersSql, pinnedOptions, type SourceConnection } from './source-connection.ts'

export type PoolQuery = (sql: string, parameters: readonly (string | null)[]) => Promise<(string | null)[][]>

/** `max`: how many connections the pool opens at most. */
export function openPool({ socketDir, host, port, user, database }: SourceConnection, max: number): pg.Pool {
  return new pg.Pool({
    host: socketDir ?? host,
    port,
    user,
    database,
    max,
    application_name: 'pg-changefeed',
    options: pinnedOptions,
    onConnect: async (client) => void (await client.query(laterParametersSql)),
  })
}

/** `what` the pool connects to, for errors. */
export function poolQueries(pool: pg.Pool, what = 'PostgreSQL'): PoolQuery {
  return async (sql, parameters) => {
    try {
      const { rows } = await pool.query<(string | null)[]>({ text: sql, values: [...parameters], rowMode: 'array' })
      return rows
    } catch (error) {
      throw poolError(error, what)
    }
  }
}

const hint = 'try again; SHOW JOBS tells whether an earlier attempt has done what it should'

function poolError(cause: unknown, what: string): FeedError {
  if (!(cause instanceof pg.DatabaseError)) {
    const why = cause instanceof Error ? cause.message : String(cause)
    return new FeedError('FEED_SOURCE_DOWN', `${what} is not reachable: ${why}`, { hint, cause })
  }
  const { code: sqlstate = 'XX000', message, detail } = cause
  if (transientStates.has(sqlstate)) return new FeedError('FEED_SOURCE_DOWN', message, { sqlstate, hint, cause })
  return new FeedError('FEED_SOURCE_REFUSED', message, { sqlstate, detail, hint: cause.hint, cause })
}
