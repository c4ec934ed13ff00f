// Queries over a pool of connections to the system database, which contains settings, jobs and rights. Errors of PostgreSQL and of the
// connection are reported as such, and not as an error of this program.

import pg from 'pg'
import { FeedError } from '../errors/feed-error.ts'
import { transientStates } from './server-error.ts'
import { laterParametersSql, pinnedOptions, type SourceConnection } from './source-connection.ts'

export type PoolQuery = (sql: string, parameters: readonly (string | null)[]) => Promise<(string | null)[][]>

/** `max`: how many connections the pool opens at most. */
export function openPool({ socketDir, host, port, user, database }: SourceConnection, max: number): pg.Pool {
  const pool = new pg.Pool({
    host: socketDir ?? host,
    port,
    user,
    database,
    max,
    application_name: 'pg-changefeed',
    options: pinnedOptions,
  })
  // A client runs its queries in order, so this one comes before the first of the pool. It is only lost with its connection.
  pool.on('connect', (client) => void client.query(laterParametersSql).catch(() => undefined))
  return pool
}

export function poolQueries(pool: pg.Pool): PoolQuery {
  return async (sql, parameters) => {
    try {
      const { rows } = await pool.query<(string | null)[]>({ text: sql, values: [...parameters], rowMode: 'array' })
      return rows
    } catch (error) {
      throw poolError(error)
    }
  }
}

const hint = 'try again; SHOW JOBS tells whether an earlier attempt has done what it should'

function poolError(cause: unknown): FeedError {
  if (!(cause instanceof pg.DatabaseError)) {
    const why = cause instanceof Error ? cause.message : String(cause)
    return new FeedError('FEED_SOURCE_DOWN', `PostgreSQL is not reachable: ${why}`, { hint, cause })
  }
  const { code: sqlstate = 'XX000', message, detail } = cause
  if (transientStates.has(sqlstate)) return new FeedError('FEED_SOURCE_DOWN', message, { sqlstate, hint, cause })
  return new FeedError('FEED_SOURCE_REFUSED', message, { sqlstate, detail, hint: cause.hint, cause })
}
