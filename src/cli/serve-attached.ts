// A server for a PostgreSQL that somebody else has started.

import { attach } from '../postgres/attached/attached.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { storeId } from '../postgres/embedded/store-id.ts'
import { serve, type RunningServer, type ServeOptions } from '../server/serve.ts'

export interface ServeAttachedOptions extends Omit<ServeOptions, 'backend'> {
  readonly source: SourceConnection
  /** The database of the state; undefined: that of `source`. */
  readonly state: SourceConnection | undefined
}

export async function serveAttached({ source, state, ...options }: ServeAttachedOptions): Promise<RunningServer> {
  const { storeDir, log } = options
  const backend = await attach({ source, state: state ?? source, sharer: storeId(storeDir), log })
  return serve({ ...options, backend })
}
