// A server with the PostgreSQL that it brings along, both in one store.

import { defaultDatabase } from '../postgres/embedded/bootstrap.ts'
import { startEmbedded } from '../postgres/embedded/embedded.ts'
import { postgresDir } from '../postgres/embedded/store-dir.ts'
import type { Login } from './banner.ts'
import { serve, type RunningServer, type ServeOptions } from '../server/serve.ts'

/** As whom clients connect when they do not say. */
export const embeddedLogin: Login = { user: 'root', database: defaultDatabase }

export async function serveEmbedded(options: Omit<ServeOptions, 'backend'>): Promise<RunningServer> {
  const { storeDir, log } = options
  return serve({ ...options, backend: await startEmbedded({ dir: postgresDir(storeDir), log }) })
}
