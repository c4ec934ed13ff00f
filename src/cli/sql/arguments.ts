// The command line of `changefeed sql`.
//
//   changefeed sql (--insecure [--host H[:P]] [-p P] | --url URL) [-d DATABASE] [-u USER] [--format F] [-e STATEMENT]…

import { parseArgs } from 'node:util'
import type { ClientConfig } from 'pg'
import { FeedError } from '../../errors/feed-error.ts'
import { displayFormats, type DisplayFormat } from './display-format.ts'

export interface SqlArguments {
  readonly help: boolean
  readonly connection: ClientConfig
  /** As the prompt names the server: empty for the default host. */
  readonly promptHost: string
  readonly user: string
  /** Statements of -e, in order; none: read standard input. */
  readonly execute: readonly string[]
  /** Undefined: chosen by where the output goes. */
  readonly format: DisplayFormat | undefined
}

export const sqlUsage = `Usage: changefeed sql --insecure [options]

  -e, --execute=STATEMENTS   run them and exit; may be given several times
      --format=FORMAT        ${displayFormats.join(', ')} (default: table on a terminal, tsv elsewhere;
                             changefeeds: ndjson)
      --url=URL              postgresql://user@host:port/database
      --host=HOST[:PORT]     default localhost
  -p, --port=PORT            default 26257
  -d, --database=NAME        default defaultdb
  -u, --user=NAME            default root
      --insecure             connect without TLS
  -h, --help                 this text

Without -e, statements are read from standard input: a prompt on a terminal, else as they come.`

const defaultPort = 26257

export function readSqlArguments(argv: readonly string[]): SqlArguments {
  const values = parse(argv)
  const format = readFormat(values.format)
  const url = values.url === undefined ? undefined : readUrl(values.url)
  if (url === undefined && values.insecure !== true && values.help !== true) {
    throw usageError('connections are not encrypted: say so with --insecure, or name the server with --url')
  }
  const host = readHost(values.host)
  const hostName = host.name ?? url?.hostname ?? ''
  const port = readPort(values.port ?? host.port ?? (url?.port === '' ? undefined : url?.port))
  const user = values.user ?? decoded(url?.username) ?? 'root'
  const database = values.database ?? decoded(url?.pathname.slice(1)) ?? 'defaultdb'
  return {
    help: values.help === true,
    connection: {
      // The rest of the URL (password, sslmode, options) is for the driver.
      ...(values.url === undefined ? {} : { connectionString: values.url }),
      ...(values.url === undefined || values.host !== undefined ? { host: hostName === '' ? 'localhost' : hostName } : {}),
      ...overridden(url, { port, user, database }),
      application_name: 'changefeed sql',
    },
    promptHost: `${hostName}:${port}`,
    user,
    execute: values.execute ?? [],
    format,
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        execute: { type: 'string', short: 'e', multiple: true },
        format: { type: 'string' },
        url: { type: 'string' },
        host: { type: 'string' },
        port: { type: 'string', short: 'p' },
        database: { type: 'string', short: 'd' },
        user: { type: 'string', short: 'u' },
        insecure: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw usageError((error as Error).message)
  }
}

/** The driver lets a connection string win over everything beside it, so it must say what was asked for. */
function overridden(url: URL | undefined, parts: { port: number; user: string; database: string }): ClientConfig {
  if (url === undefined) return parts
  const whole = new URL(url)
  whole.port = String(parts.port)
  whole.username = encodeURIComponent(parts.user)
  whole.pathname = `/${encodeURIComponent(parts.database)}`
  return { connectionString: whole.href }
}

function readUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'postgresql:' && url.protocol !== 'postgres:')) {
    throw usageError('--url must look like postgresql://user@host:26257/database')
  }
  return url
}

function readHost(text: string | undefined): { readonly name: string | undefined; readonly port: string | undefined } {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text ?? '')
  if (match === null) throw usageError(`--host=${text} is not a host or host:port`)
  const name = match[1]?.replace(/^\[|\]$/g, '')
  return { name: name === '' ? undefined : name, port: match[2] }
}

function readPort(text: string | undefined): number {
  const port = Number(text ?? defaultPort)
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw usageError(`${text} is not a port`)
  return port
}

function readFormat(text: string | undefined): DisplayFormat | undefined {
  const format = displayFormats.find((candidate) => candidate === text)
  if (text !== undefined && format === undefined) throw usageError(`unknown --format=${text}: one of ${displayFormats.join(', ')}`)
  return format
}

function decoded(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : decodeURIComponent(text)
}

function usageError(message: string): FeedError {
  return new FeedError('FEED_SYNTAX', message, { hint: 'changefeed sql --help' })
}
