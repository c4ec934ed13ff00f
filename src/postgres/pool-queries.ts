// Queries over a pool of connections to the system database, which contains settings, jobs and rights. Errors of PostgreSQL and of the
// connection are reported as such, and not as an error of this program.

import type { Socket } from 'node:net'
import pg from 'pg'
import { FeedError } from '../errors/feed-error.ts'
import { PoolStream } from './pool-stream.ts'
import { transientStates } from './server-error.ts'
import type { SourceConnection } from './source-connection.ts'

export type PoolQuery = (sql: string, parameters: readonly (string | null)[]) => Promise<(string | null)[][]>

/** A server that has fallen silent is given up after this time. No query of ours takes so long. */
const queryMs = 60_000

/** The sessions of a server in the database of its state; `server/remove-state.ts` looks for them. */
export const stateApplication = 'pg-changefeed state'

/** `max`: how many connections the pool opens at most. */
export function openPool(source: SourceConnection, max: number): pg.Pool {
  // Without `ssl` node-postgres would follow PGSSLMODE, and encrypt what is encrypted.
  return new pg.Pool({
    max,
    ssl: false,
    query_timeout: queryMs,
    stream: () => new PoolStream({ source, applicationName: stateApplication }) as unknown as Socket,
  })
}

/** `what` the pool connects to, for errors. */
export function poolQueries(pool: pg.Pool, what = 'the database'): PoolQuery {
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
  if (cause instanceof FeedError) {
    const { code, sqlstate, detail } = cause
    // The message names the server.
    const message = code === 'FEED_SOURCE_DOWN' ? `${what} is not reachable: ${cause.message}` : cause.message
    return new FeedError(code, message, { sqlstate, detail, hint: cause.hint ?? hint, cause })
  }
  if (!(cause instanceof pg.DatabaseError)) {
    const why =
      cause instanceof Error
        ? cause.message.replace('Query read timeout', `no answer within ${queryMs / 1000} s`)
        : String(cause)
    return new FeedError('FEED_SOURCE_DOWN', `${what} is not reachable: ${why}`, { hint, cause })
  }
  const { code: sqlstate = 'XX000', message, detail } = cause
  if (transientStates.has(sqlstate)) return new FeedError('FEED_SOURCE_DOWN', message, { sqlstate, hint, cause })
  return new FeedError('FEED_SOURCE_REFUSED', message, { sqlstate, detail, hint: cause.hint, cause })
}
