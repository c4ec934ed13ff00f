// Reads the command line of the shell. A flag takes precedence over the URL.

import type pg from 'pg'
import { readAddress, readPort } from '../address.ts'
import { readFlags } from '../read-flags.ts'
import { UsageError } from '../usage-error.ts'
import { displayFormats, type DisplayFormat } from './display-format.ts'

export interface SqlArguments {
  readonly connection: pg.ClientConfig
  /** The host in the prompt; empty if the user has not named one. */
  readonly promptHost: string
  readonly user: string
  /** The statements of -e in order; if there are none, the shell reads standard input. */
  readonly execute: readonly string[]
  /** Undefined if the format depends on whether the output is a terminal. */
  readonly format: DisplayFormat | undefined
}

const help = `Usage: changefeed sql --insecure [flags]

  -e, --execute=SQL       run it and leave; may be given more than once
  --format=FORMAT         ${displayFormats.join(', ')} (table in a terminal, else tsv; changefeeds: ndjson)
  --url=URL               postgresql://user@host:port/database
  --host=HOST[:PORT]      (localhost)         -p, --port=PORT  (26257)
  -d, --database=NAME     (defaultdb)         -u, --user=NAME  (root)
  --insecure              no TLS

Without -e, statements are read from standard input: behind a prompt in a terminal, else as they come.
`

const flags = {
  insecure: { type: 'boolean' },
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
  if (values.insecure !== true && values.url === undefined) {
    throw new UsageError('add --insecure: connections are not encrypted and need no password yet')
  }
  const url = values.url === undefined ? undefined : readUrl(values.url)
  const known = {
    host: url?.hostname ?? '',
    port: url === undefined || url.port === '' ? 26_257 : readPort(url.port, 'port'),
  }
  const { host, port: hostPort } =
    values.host === undefined ? known : readAddress(values.host, '--host', { fallback: known, leastPort: 1 })
  const port = values.port === undefined ? hostPort : readPort(values.port, '--port')
  const user = values.user ?? decoded(url?.username) ?? 'root'
  const database = values.database ?? decoded(url?.pathname.slice(1)) ?? 'defaultdb'
  return {
    connection: {
      ...(url === undefined
        ? { host: host === '' ? 'localhost' : host, port, user, database }
        : { connectionString: changed(url, { host, port, user, database }) }),
      application_name: 'changefeed sql',
    },
    promptHost: `${host}:${port}`,
    user,
    execute: values.execute ?? [],
    format: readFormat(values.format),
  }
}

/** Replaces the parts of the URL that flags set. Everything else in it (password, sslmode, options) is for the driver. */
function changed(url: URL, to: { host: string; port: number; user: string; database: string }): string {
  const whole = new URL(url)
  // A URL without a host ignores a user name, so the host is set first.
  whole.hostname = to.host === '' ? 'localhost' : to.host
  whole.port = String(to.port)
  whole.username = encodeURIComponent(to.user)
  whole.pathname = `/${encodeURIComponent(to.database)}`
  return whole.href
}

function readUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol)) {
    throw new UsageError('--url is not a URL like postgresql://root@localhost:26257/defaultdb')
  }
  return url
}

function readFormat(text: string | undefined): DisplayFormat | undefined {
  const format = displayFormats.find((candidate) => candidate === text)
  if (text !== undefined && format === undefined) {
    throw new UsageError(`--format=${text}: valid formats are ${displayFormats.join(', ')}`)
  }
  return format
}

function decoded(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : decodeURIComponent(text)
}
