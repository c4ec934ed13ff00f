// The flags that every command which starts a server has. Wrong flags and addresses are reported here, before anything is written to
// the disk.

import { join, resolve } from 'node:path'
import { refuseForeignFolder, type StoreKind } from '../postgres/embedded/store-dir.ts'
import type { FrontDoor } from '../server/serve.ts'
import { readAddress, type Address } from './address.ts'
import { checkListen } from './check-listen.ts'
import { defaultLogSizes, defaultLogStyle, logFormats, logLevels, readLogStyle } from './log-flags.ts'
import { openHttpWarning } from './open-address.ts'
import { runInBackground } from './run-in-background.ts'
import { runServer, type ServerRun, type ServerWithPostgres } from './run-server.ts'
import { UsageError } from './usage-error.ts'

export const serverHelp = `  --listen-addr=HOST[:PORT]   where SQL listens (localhost:26257; port 0: a free one)
  --http-addr=HOST[:PORT]     where the console, health and metrics listen (localhost:8080; port 0: a free one)
  --http-allowed-hosts=NAMES  names, apart from localhost and its address, that HTTP requests may use for this server
  --log-level=LEVEL           write lines of this severity and above to logs/changefeed.log: ${logLevels.join(', ')} (info)
  --log-format=FORMAT         how lines of logs/changefeed.log look: ${logFormats.join(', ')} (json)
  --log-file-max-size=SIZE    begin a new file when it has this size (${defaultLogSizes.file})
  --log-dir-max-size=SIZE     remove the oldest files when all have this size together (${defaultLogSizes.total})
  --external-io-dir=DIR       where files of nodelocal:// sinks go (extern in the store); disabled: there are none
  --external-io-disable-implicit-credentials
                              refuse sinks that use the credentials of this server (AUTH=implicit)
  --external-io-disable-http  refuse file-http(s):// sinks, and endpoints of one's own for S3 and Azure
  --background                return when the server is ready
  --pid-file=FILE             write the process id to FILE
  --listening-url-file=FILE   write the SQL URL to FILE
`

export const serverFlags = {
  'listen-addr': { type: 'string', default: 'localhost' },
  'http-addr': { type: 'string', default: 'localhost' },
  'http-allowed-hosts': { type: 'string', default: '' },
  store: { type: 'string', short: 's', default: 'changefeed-data' },
  'log-level': { type: 'string', default: defaultLogStyle.level },
  'log-format': { type: 'string', default: defaultLogStyle.format },
  'log-file-max-size': { type: 'string', default: defaultLogSizes.file },
  'log-dir-max-size': { type: 'string', default: defaultLogSizes.total },
  'external-io-dir': { type: 'string' },
  'external-io-disable-implicit-credentials': { type: 'boolean' },
  'external-io-disable-http': { type: 'boolean' },
  background: { type: 'boolean' },
  'pid-file': { type: 'string' },
  'listening-url-file': { type: 'string' },
} as const

type Flags = typeof serverFlags
/** What `parseArgs` makes of the flags. */
export type ServerFlagValues = {
  readonly [Name in keyof Flags]?: (Flags[Name]['type'] extends 'boolean' ? boolean : string) | undefined
} & { readonly [Name in keyof Flags as Flags[Name] extends { readonly default: string } ? Name : never]: string }

export interface ServerCommand {
  /** The command that starts the server, and its arguments. */
  readonly command: string
  readonly argv: readonly string[]
  readonly values: ServerFlagValues
  readonly kind: StoreKind
  /** Checks where SQL listens, and opens what lets clients in there. */
  readonly door: (listen: Address) => Promise<SqlDoor>
  /** Further warnings to print and to write to the log. */
  readonly warnings?: readonly string[]
  readonly postgres: (storeDir: string) => ServerWithPostgres
  /** For the server in the background, where its arguments are not the place for them. */
  readonly environment?: Readonly<Record<string, string>>
}

export interface SqlDoor {
  /** Undefined: everybody is let in. */
  readonly door: FrontDoor | undefined
  readonly warning: string | undefined
}

/** Starts a server, in the foreground or in the background, and settles with its exit code or when it is ready. */
export async function startServer(started: ServerCommand): Promise<number> {
  const { command, argv, values, kind, postgres, environment } = started
  const run = await readRun(started)
  refuseForeignFolder(run.storeDir, kind)
  for (const warning of run.warnings) process.stderr.write(`WARNING: ${warning}\n\n`)
  if (values.background === true) return runInBackground({ command, argv, storeDir: run.storeDir, environment })
  return runServer(run, postgres(run.storeDir))
}

async function readRun({ values, warnings = [], door }: ServerCommand): Promise<ServerRun> {
  const address = (flag: 'listen-addr' | 'http-addr', port: number) =>
    readAddress(values[flag], `--${flag}`, { fallback: { host: 'localhost', port }, leastPort: 0 })
  const listen = address('listen-addr', 26_257)
  const http = address('http-addr', 8080)
  const logStyle = readLogStyle({
    level: values['log-level'],
    format: values['log-format'],
    fileSize: values['log-file-max-size'],
    totalSize: values['log-dir-max-size'],
  })
  if (values.store === '') throw new UsageError('--store= names no folder', 'leave it out for changefeed-data')
  await checkListen(listen, '--listen-addr')
  await checkListen(http, '--http-addr')
  const sql = await door(listen)
  const open = [sql.warning, await openHttpWarning(http, sql.door?.tls !== undefined)].filter(
    (warning) => warning !== undefined,
  )
  return {
    listen,
    door: sql.door,
    http,
    httpNames: values['http-allowed-hosts'].split(',').map((name) => name.trim()),
    storeDir: resolve(values.store),
    externDir: externDirOf(values),
    refusesImplicit: values['external-io-disable-implicit-credentials'] === true,
    refusesHttp: values['external-io-disable-http'] === true,
    logStyle,
    warnings: [...open, ...warnings],
    files: { pid: values['pid-file'], url: values['listening-url-file'] },
  }
}

/** Returns the folder of nodelocal:// files; undefined: there are none. */
function externDirOf({ store, 'external-io-dir': dir }: ServerFlagValues): string | undefined {
  if (dir === '') {
    throw new UsageError(
      '--external-io-dir= names no folder',
      'leave it out for extern in the store, or write disabled',
    )
  }
  return dir === 'disabled' ? undefined : resolve(dir ?? join(store, 'extern'))
}
