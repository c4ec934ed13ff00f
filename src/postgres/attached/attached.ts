// A PostgreSQL that we did not start, as the backend of a server. We are an ordinary role in it: nothing here needs more than a
// connection, and nothing is made but the schema of the state.

import type { Logger } from 'pino'
import type { Backend } from '../backend.ts'
import type { SourceConnection } from '../source-connection.ts'
import { prepareState } from './prepare-state.ts'
import { reachWithin } from './reach.ts'
import { checkVersion } from './version.ts'

export interface AttachOptions {
  /** The PostgreSQL that is read, with the database of clients that name none. */
  readonly source: SourceConnection
  /** The database of the state; it may be in another PostgreSQL. */
  readonly state: SourceConnection
  /** Identifies the store of the server. */
  readonly sharer: string
  readonly log: Logger
}

export async function attach({ source, state, sharer, log }: AttachOptions): Promise<Backend> {
  const { database, ...server } = source
  const connection = await reachWithin(source)
  try {
    await checkVersion(connection, log)
  } finally {
    await connection.close()
  }
  await prepareState(state)
  return {
    source: server,
    homeDatabase: database,
    state: { connection: state, schema: 'changefeed_state', sharer },
    defaultDatabase: database,
    // PostgreSQL itself says when it takes no more.
    maxClients: Infinity,
    hasDialect: false,
    own: undefined,
    failure: undefined,
    problem: undefined,
    stop: async () => undefined,
  }
}
