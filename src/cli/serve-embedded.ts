// A server with the PostgreSQL that it brings along, both in one store.

import { startEmbedded } from '../postgres/embedded/embedded.ts'
import { postgresDir } from '../postgres/embedded/store-dir.ts'
import { serve, type RunningServer, type ServeOptions } from '../server/serve.ts'

export async function serveEmbedded(options: Omit<ServeOptions, 'backend'>): Promise<RunningServer> {
  const { storeDir, log } = options
  return serve({ ...options, backend: await startEmbedded({ dir: postgresDir(storeDir), log }) })
}
