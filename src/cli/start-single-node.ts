// changefeed start-single-node: a server with a PostgreSQL of its own, in the foreground or behind.

import { spawn } from 'node:child_process'
import { openSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { FeedError } from '../errors/feed-error.ts'
import { lockStore } from '../postgres/embedded/store-lock.ts'
import { serve } from '../server/serve.ts'
import { errorText } from './cli.ts'
import { serverLog } from './server-log.ts'
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
  const written: string[] = []
  const write = (flag: string, file: string | undefined, text: string): void => {
    if (file === undefined) return
    try {
      writeFileSync(file, text)
    } catch (error) {
      throw new FeedError('FEED_START', `cannot write ${flag}=${file}: ${(error as Error).message}`)
    }
    written.push(file)
  }
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
    try {
      const url = sqlUrl(listen, server.sqlPort)
      write('--pid-file', values['pid-file'], `${process.pid}\n`)
      write('--listening-url-file', values['listening-url-file'], `${url}\n`)
      writeFileSync(join(storeDir, 'http-address'), `${shown(http.host)}:${server.httpPort}`)
      const text = banner(url, http, server.httpPort, storeDir)
      process.stdout.write(text)
      process.send?.({ tag: 'ready', text })
      process.disconnect?.()
      await stopAsked.promise
      process.stdout.write('initiating graceful shutdown of server\n')
    } finally {
      // The store is ours until nothing runs on it.
      await server.stop()
    }
    process.stdout.write('server drained and shutdown completed\n')
    return 0
  } catch (error) {
    process.send?.({ tag: 'failed', text: errorText(error) })
    throw error
  } finally {
    if (unlock !== undefined) {
      for (const file of [...written, join(storeDir, 'http-address')]) rmSync(file, { force: true })
      unlock()
    }
  }
}

/** Starts itself again, detached, and waits for its word. */
async function background(argv: readonly string[], storeDir: string): Promise<number> {
  const output = openOutput(storeDir)
  const child = spawn(
    process.execPath,
    [process.argv[1] ?? '', 'start-single-node', ...argv.filter((flag) => flag !== '--background')],
    {
      detached: true,
      stdio: ['ignore', output, output, 'ipc'],
    },
  )
  const { promise, resolve: settle } = Promise.withResolvers<{ readonly tag: string; readonly text: string }>()
  child.on('message', settle)
  child.on('exit', (code) =>
    settle({ tag: 'failed', text: `ERROR: the server ended with exit code ${code}; see ${join(storeDir, 'logs')}\n` }),
  )
  const { tag, text } = await promise
  if (child.connected) child.disconnect()
  child.unref()
  if (tag !== 'ready') {
    process.stderr.write(text)
    return 1
  }
  process.stdout.write(`${text}stop:    changefeed quit --insecure --store=${storeDir}\n`)
  return 0
}

/** What the server says once nobody listens. */
function openOutput(storeDir: string): number {
  try {
    mkdirSync(join(storeDir, 'logs'), { recursive: true })
    return openSync(join(storeDir, 'logs', 'changefeed.out'), 'a')
  } catch (error) {
    throw new FeedError('FEED_START', `cannot make the store ${storeDir}: ${(error as Error).message}`)
  }
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
