// changefeed start-single-node: a server with a PostgreSQL of its own, in the foreground or in the background.

import { abandonPostmaster } from '../postgres/embedded/postmaster.ts'
import { postgresDir } from '../postgres/embedded/store-dir.ts'
import { openSqlWarning } from './open-address.ts'
import { readFlags } from './read-flags.ts'
import { embeddedLogin, serveEmbedded } from './serve-embedded.ts'
import { serverFlags, serverHelp, startServer } from './server-flags.ts'
import { UsageError } from './usage-error.ts'

const help = `Usage: changefeed start-single-node --insecure [flags]

  --insecure                  no TLS, no passwords (the only mode there is yet)
  --accept-sql-without-tls    listen where other machines reach it, although whoever reaches it is let in
  --store=DIR                 where everything is kept (changefeed-data)
${serverHelp}`

const flags = {
  ...serverFlags,
  insecure: { type: 'boolean' },
  'accept-sql-without-tls': { type: 'boolean' },
} as const

export async function startSingleNode(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  if (values.insecure !== true) {
    throw new UsageError('there is no secure mode yet', 'add --insecure: connections are not encrypted, no passwords')
  }
  return startServer({
    command: 'start-single-node',
    argv,
    values,
    kind: 'embedded',
    door: async (listen) => ({
      door: undefined,
      warning: await openSqlWarning(listen, values['accept-sql-without-tls'] === true),
    }),
    postgres: (storeDir) => ({
      serve: serveEmbedded,
      abandon: () => abandonPostmaster(postgresDir(storeDir)),
      login: embeddedLogin,
    }),
  })
}
