// changefeed start-single-node: a server with a PostgreSQL of its own, in the foreground or in the background. Wrong flags and
// addresses are reported here, before anything is written to the disk.

import { resolve } from 'node:path'
import { refuseForeignFolder } from '../postgres/embedded/store-dir.ts'
import { readAddress } from './address.ts'
import { checkListen } from './check-listen.ts'
import { defaultLogStyle, logFormats, logLevels, readLogStyle } from './log-flags.ts'
import { openHttpWarning, openSqlWarning } from './open-address.ts'
import { runInBackground } from './run-in-background.ts'
import { runServer } from './run-server.ts'
import { readFlags } from './read-flags.ts'
import { UsageError } from './usage-error.ts'

const help = `Usage: changefeed start-single-node --insecure [flags]

  --insecure                  no TLS, no passwords (the only mode there is yet)
  --listen-addr=HOST[:PORT]   where SQL listens (localhost:26257; port 0: a free one)
  --accept-sql-without-tls    listen where other machines reach it, although whoever reaches it is let in
  --http-addr=HOST[:PORT]     where health and metrics listen (localhost:8080; port 0: a free one)
  --http-allowed-hosts=NAMES  names, apart from localhost and its address, that HTTP requests may use for this server
  --store=DIR                 where everything is kept (changefeed-data)
  --log-level=LEVEL           write lines of this severity and above to logs/changefeed.log: ${logLevels.join(', ')} (info)
  --log-format=FORMAT         how lines of logs/changefeed.log look: ${logFormats.join(', ')} (json)
  --background                return when the server is ready
  --pid-file=FILE             write the process id to FILE
  --listening-url-file=FILE   write the SQL URL to FILE
`

const flags = {
  insecure: { type: 'boolean' },
  'listen-addr': { type: 'string', default: 'localhost' },
  'accept-sql-without-tls': { type: 'boolean' },
  'http-addr': { type: 'string', default: 'localhost' },
  'http-allowed-hosts': { type: 'string', default: '' },
  store: { type: 'string', short: 's', default: 'changefeed-data' },
  'log-level': { type: 'string', default: defaultLogStyle.level },
  'log-format': { type: 'string', default: defaultLogStyle.format },
  background: { type: 'boolean' },
  'pid-file': { type: 'string' },
  'listening-url-file': { type: 'string' },
} as const

export async function startSingleNode(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  if (values.insecure !== true) {
    throw new UsageError('there is no secure mode yet', 'add --insecure: connections are not encrypted, no passwords')
  }
  const address = (flag: 'listen-addr' | 'http-addr', port: number) =>
    readAddress(values[flag], `--${flag}`, { fallback: { host: 'localhost', port }, leastPort: 0 })
  const listen = address('listen-addr', 26_257)
  const http = address('http-addr', 8080)
  const logStyle = readLogStyle({ level: values['log-level'], format: values['log-format'] })
  if (values.store === '') throw new UsageError('--store= names no folder', 'leave it out for changefeed-data')
  const storeDir = resolve(values.store)
  refuseForeignFolder(storeDir)
  await checkListen(listen, '--listen-addr')
  await checkListen(http, '--http-addr')
  const warnings = [
    await openSqlWarning(listen, values['accept-sql-without-tls'] === true),
    await openHttpWarning(http),
  ].filter((warning) => warning !== undefined)
  for (const warning of warnings) process.stderr.write(`WARNING: ${warning}\n\n`)
  if (values.background === true) return runInBackground(argv, storeDir)
  return runServer({
    listen,
    http,
    httpNames: values['http-allowed-hosts'].split(',').map((name) => name.trim()),
    storeDir,
    logStyle,
    warnings,
    files: { pid: values['pid-file'], url: values['listening-url-file'] },
  })
}
