// A server for a PostgreSQL that somebody else has started.

import { attach } from '../postgres/attached/attached.ts'
import { readProvider } from '../postgres/provider.ts'
import { askForScram, unaskedWarning } from '../postgres/login/unasked.ts'
import type { Queries } from '../postgres/queries.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import {
  findSlotFunctions,
  isNoRight,
  lackOfFunctions,
  readsByFunctions,
  type SlotFunctions,
} from '../postgres/slot-access.ts'
import { lacksForSlot, readSlotRoom } from '../postgres/slot-room.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { storeId } from '../postgres/embedded/store-id.ts'
import { serve, type RunningServer, type ServeOptions } from '../server/serve.ts'

export interface ServeAttachedOptions extends Omit<ServeOptions, 'backend'> {
  readonly source: SourceConnection
  /** The database of the state; undefined: that of `source`. */
  readonly state: SourceConnection | undefined
  /** Ends the wait for PostgreSQL. */
  readonly signal?: AbortSignal | undefined
}

export async function serveAttached({
  source,
  state,
  signal,
  ...options
}: ServeAttachedOptions): Promise<RunningServer> {
  const { storeDir, log } = options
  const backend = await attach({ source, state: state ?? source, sharer: storeId(storeDir), signal, log })
  try {
    // The server starts also if something is lacking: its jobs wait until somebody has put it right.
    await using connection = await openRawConnection({ source })
    for (const { what, remedy } of await lacksForSlot(connection)) {
      process.stderr.write(`WARNING: no changefeed can start: ${what}\nHINT: ${remedy}\n\n`)
      log.warn({ remedy }, `no changefeed can start: ${what}`)
    }
    if (connection.isUnasked && options.door?.logins.isInsecure === false) {
      process.stderr.write(`WARNING: ${unaskedWarning(source.user)}\nHINT: ${askForScram}\n\n`)
      log.warn({ remedy: askForScram }, unaskedWarning(source.user))
    }
    const functions = await functionsFor(source, connection)
    const lack = functions && lackOfFunctions(source.user, functions)
    if (lack !== undefined) {
      process.stderr.write(`WARNING: no changefeed can start: ${lack.message}\nHINT: ${lack.hint}\n\n`)
      log.warn({ remedy: lack.hint }, `no changefeed can start: ${lack.message}`)
    } else if (functions !== undefined) {
      const { role } = await readSlotRoom(connection)
      const remedy = (await readProvider(connection)).replication(role)
      process.stderr.write(`NOTICE: ${readsByFunctions(role, functions)}\nHINT: ${remedy} lets it stream them\n\n`)
      log.info({ remedy }, readsByFunctions(role, functions))
    }
  } catch (error) {
    await backend.stop()
    throw error
  }
  return serve({ ...options, backend })
}

/** Whether slots will be read by SQL functions. What else is wrong with a connection for replication is said where one is needed. */
async function functionsFor(source: SourceConnection, connection: Queries): Promise<SlotFunctions | undefined> {
  try {
    await using _replication = await openRawConnection({ source, replication: true })
  } catch (error) {
    if (isNoRight(error)) return await findSlotFunctions(connection)
  }
  return undefined
}
