// A server for a PostgreSQL that somebody else has started.

import { attach } from '../postgres/attached/attached.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import { lacksForSlot, type Lack } from '../postgres/slot-room.ts'
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
    for (const { what, remedy } of await lacksOf(source)) {
      process.stderr.write(`WARNING: no changefeed can start: ${what}\nHINT: ${remedy}\n\n`)
      log.warn({ remedy }, `no changefeed can start: ${what}`)
    }
  } catch (error) {
    await backend.stop()
    throw error
  }
  return serve({ ...options, backend })
}

/** The server starts all the same: its jobs wait until somebody has put it right. */
async function lacksOf(source: SourceConnection): Promise<readonly Lack[]> {
  await using connection = await openRawConnection({ source })
  return await lacksForSlot(connection)
}
