// A PostgreSQL that we did not start, as the backend of a server. We are an ordinary role in it: nothing here needs more than a
// connection, and nothing is made but the schema of the state.

import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Backend } from '../backend.ts'
import type { SourceConnection } from '../source-connection.ts'
import { prepareState, stateSchema } from './prepare-state.ts'
import { systemIdentifier } from './system-identifier.ts'
import { reach } from './reach.ts'
import { checkVersion } from './version.ts'
import { WatchedServer } from './watched-server.ts'

export interface AttachOptions {
  /** The PostgreSQL that is read, with the database of clients that name none. */
  readonly source: SourceConnection
  /** The database of the state; it may be in another PostgreSQL. */
  readonly state: SourceConnection
  /** Identifies the store of the server. */
  readonly sharer: string
  /** Ends the wait for PostgreSQL. */
  readonly signal: AbortSignal | undefined
  readonly log: Logger
}

export async function attach({ source, state: given, sharer, signal, log }: AttachOptions): Promise<Backend> {
  // Of several servers, only the one that can be written to can hold the state.
  const isChosen = given.otherHosts === undefined || given.targetSessionAttrs !== undefined
  const state: SourceConnection = isChosen ? given : { ...given, targetSessionAttrs: 'read-write' }
  const identifier = await reach(
    source,
    async (connection) => {
      await checkVersion(connection, log)
      return systemIdentifier(connection)
    },
    { signal },
  )
  await reach(
    state,
    async (connection) => {
      await checkVersion(connection, log)
      await prepareState({ connection, state, source: identifier })
    },
    { signal },
  )
  const { database, ...server } = source
  const isTogether = isDeepStrictEqual(source, state)
  const watched = [
    new WatchedServer({ source, use: isTogether ? 'which has the jobs' : 'whose changes are read', log }),
    ...(isTogether ? [] : [new WatchedServer({ source: state, use: 'which has the jobs', log })]),
  ]
  return {
    source: server,
    homeDatabase: database,
    state: { connection: state, schema: stateSchema, sharer },
    defaultDatabase: database,
    // PostgreSQL itself says when it takes no more.
    maxClients: Infinity,
    hasDialect: false,
    own: undefined,
    failure: undefined,
    get problem(): Backend['problem'] {
      return watched.find(({ problem }) => problem !== undefined)?.problem
    },
    async stop(): Promise<void> {
      await Promise.all(watched.map((server) => server.stop()))
    },
  }
}
