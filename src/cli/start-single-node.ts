// changefeed start-single-node: a server with a PostgreSQL of its own, in the foreground or behind.

import { spawn } from 'node:child_process'
import { openSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import pino from 'pino'
import { lockStore } from '../postgres/embedded/store-lock.ts'
import { serve } from '../server/serve.ts'
import { errorText } from './cli.ts'
import { readAddress, readFlags, UsageError, type Address } from './usage-error.ts'
import { packageVersion } from './version.ts'

const help = `Usage: changefeed start-single-node --insecure [flags]

  --insecure                  no TLS, no passwords (the only mode there is yet)
  --listen-addr=HOST[:PORT]   where SQL listens (localhost:26257; port 0: a free one)
  --http-addr=HOST[:PORT]     where health and metrics listen (localhost:8080)
  --store=DIR                 where everything is kept (changefeed-data)
  --background                return when the server is ready
  --pid-file=FILE             write the process id to FILE
  --listening-url-file=FILE   write the SQL URL to FILE
`

const flags = {
  insecure: { type: 'boolean' },
  'listen-addr': { type: 'string', default: 'localhost' },
  'http-addr': { type: 'string', default: 'localhost' },
  store: { type: 'string', short: 's', default: 'changefeed-data' },
  background: { type: 'boolean' },
  'pid-file': { type: 'string' },
  'listening-url-file': { type: 'string' },
} as const

export async function startSingleNode(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  if (values.insecure !== true)
    throw new UsageError('add --insecure: connections are not encrypted and need no password yet')
  const listen = readAddress(values['listen-addr'], '--listen-addr', { host: 'localhost', port: 26_257 })
  const http = readAddress(values['http-addr'], '--http-addr', { host: 'localhost', port: 8080 })
  const storeDir = resolve(values.store)
  if (values.background === true) return background(argv, storeDir)

  let unlock: (() => void) | undefined
  const files = [values['pid-file'], values['listening-url-file']]
  const stopAsked = Promise.withResolvers<void>()
  // Signals count from the first moment on: a start that is interrupted stops what it has started.
  let signals = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (++signals > 1) process.exit(1)
      stopAsked.resolve()
    })
  }
  try {
    unlock = lockStore(storeDir)
    const log = serverLog(storeDir)
    const server = await serve({ listen, http, storeDir, log, onShutdown: () => stopAsked.resolve() })
    const url = sqlUrl(listen, server.sqlPort)
    if (values['pid-file'] !== undefined) writeFileSync(values['pid-file'], `${process.pid}\n`)
    if (values['listening-url-file'] !== undefined) writeFileSync(values['listening-url-file'], `${url}\n`)
    writeFileSync(join(storeDir, 'http-address'), `${shown(http.host)}:${server.httpPort}`)
    process.stdout.write(banner(url, http, server.httpPort, storeDir))
    process.send?.({ tag: 'ready' })
    process.disconnect?.()
    await stopAsked.promise
    process.stdout.write('initiating graceful shutdown of server\n')
    await server.stop()
    process.stdout.write('server drained and shutdown completed\n')
    return 0
  } catch (error) {
    process.send?.({ tag: 'failed', text: errorText(error) })
    throw error
  } finally {
    if (unlock !== undefined) {
      for (const file of [...files, join(storeDir, 'http-address')])
        if (file !== undefined) rmSync(file, { force: true })
      unlock()
    }
  }
}

/** Starts itself again, detached, and waits for its word. */
async function background(argv: readonly string[], storeDir: string): Promise<number> {
  mkdirSync(join(storeDir, 'logs'), { recursive: true })
  const output = openSync(join(storeDir, 'logs', 'changefeed.out'), 'a')
  const child = spawn(
    process.execPath,
    [process.argv[1] ?? '', 'start-single-node', ...argv.filter((flag) => flag !== '--background')],
    {
      detached: true,
      stdio: ['ignore', output, output, 'ipc'],
    },
  )
  const { promise, resolve: settle } = Promise.withResolvers<string | undefined>()
  child.on('message', (message: { tag: string; text?: string }) =>
    settle(message.tag === 'ready' ? undefined : message.text),
  )
  child.on('exit', (code) => settle(`ERROR: the server ended with exit code ${code}; see ${join(storeDir, 'logs')}\n`))
  const failure = await promise
  if (child.connected) child.disconnect()
  child.unref()
  if (failure === undefined) return 0
  process.stderr.write(failure)
  return 1
}

function serverLog(storeDir: string): pino.Logger {
  mkdirSync(join(storeDir, 'logs'), { recursive: true })
  return pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: join(storeDir, 'logs', 'changefeed.log'), sync: true }),
  )
}

export function sqlUrl({ host }: Address, port: number): string {
  return `postgresql://root@${shown(host)}:${port}/defaultdb?sslmode=disable`
}

function shown(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function banner(url: string, http: Address, httpPort: number, storeDir: string): string {
  return [
    `pg-changefeed node started at ${new Date().toISOString()}`,
    `build:   ${packageVersion()} (Node.js ${process.versions.node})`,
    `sql:     ${url}`,
    `http:    http://${shown(http.host)}:${httpPort}`,
    `client:  changefeed sql --insecure --url '${url}'`,
    `store:   ${storeDir}`,
    `logs:    ${join(storeDir, 'logs')}`,
    `pid:     ${process.pid}`,
    '',
  ].join('\n')
}
