// Reads the command line of the shell. A flag takes precedence over the URL.

import { hideFromPs } from '../../postgres/connection-string/hide-password.ts'
import { readFlags } from '../read-flags.ts'
import { UsageError } from '../usage-error.ts'
import { readConnection, type ShellConnection } from './connection.ts'
import { displayFormats, type DisplayFormat } from './display-format.ts'

export interface SqlArguments {
  readonly connection: ShellConnection
  /** The statements of -e in order; if there are none, the shell reads standard input. */
  readonly execute: readonly string[]
  /** Undefined if the format depends on whether the output is a terminal. */
  readonly format: DisplayFormat | undefined
}

const help = `Usage: changefeed sql [flags]

  -e, --execute=SQL       run it and leave; may be given more than once
  --format=FORMAT         ${displayFormats.join(', ')} (table in a terminal, else tsv; changefeeds: ndjson)
  --url=URL               postgresql://user@host:port/database?sslmode=verify-full, with the parameters of libpq
  --host=HOST[:PORT]      (localhost)         -p, --port=PORT  (26257)
  -d, --database=NAME     (defaultdb)         -u, --user=NAME  (root)
  --password-file=FILE    the first line of FILE is the password
  --insecure              no TLS: sslmode=disable

The password may also be in PGPASSWORD, PGPASSFILE or ~/.pgpass; otherwise the shell asks for it at the terminal if the server wants one. Without
sslmode, or PGSSLMODE, connections are encrypted if the server can do that.

Without -e, statements are read from standard input: behind a prompt in a terminal, else as they come.
`

const flags = {
  insecure: { type: 'boolean' },
  'password-file': { type: 'string' },
  execute: { type: 'string', short: 'e', multiple: true },
  format: { type: 'string' },
  url: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string', short: 'p' },
  database: { type: 'string', short: 'd' },
  user: { type: 'string', short: 'u' },
} as const

/** Returns undefined if the help was requested, which is then printed. */
export function readSqlArguments(argv: readonly string[]): SqlArguments | undefined {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return undefined
  const connection = readConnection(values, process.env)
  if (values.url !== undefined) hideFromPs(values.url)
  return {
    connection,
    execute: values.execute ?? [],
    format: readFormat(values.format),
  }
}

function readFormat(text: string | undefined): DisplayFormat | undefined {
  const format = displayFormats.find((candidate) => candidate === text)
  if (text !== undefined && format === undefined) {
    throw new UsageError(`--format=${text}: valid formats are ${displayFormats.join(', ')}`)
  }
  return format
}
