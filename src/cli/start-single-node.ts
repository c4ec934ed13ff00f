// changefeed start-single-node: a server with a PostgreSQL of its own, in the foreground or in the background.

import { abandonPostmaster } from '../postgres/embedded/postmaster.ts'
import { postgresDir } from '../postgres/embedded/store-dir.ts'
import { readFlags } from './read-flags.ts'
import { embeddedLogin, serveEmbedded } from './serve-embedded.ts'
import { serverFlags, serverHelp, startServer } from './server-flags.ts'

const help = `Usage: changefeed start-single-node --insecure [flags]

  --insecure                  no TLS, no passwords (the only mode there is yet)
  --store=DIR                 where everything is kept (changefeed-data)
${serverHelp}`

export async function startSingleNode(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, serverFlags, help)
  if (values === undefined) return 0
  return startServer({
    command: 'start-single-node',
    argv,
    values,
    kind: 'embedded',
    postgres: (storeDir) => ({
      serve: serveEmbedded,
      abandon: () => abandonPostmaster(postgresDir(storeDir)),
      login: embeddedLogin,
    }),
  })
}
