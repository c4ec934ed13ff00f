// changefeed start-single-node: a server with a PostgreSQL of its own, in the foreground or behind.

import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { commandName, shellWord } from '../core/command-line.ts'
import { FeedError } from '../errors/feed-error.ts'
import { abandonPostmaster } from '../postgres/embedded/postmaster.ts'
import { makeStoreDir, rememberStore } from '../postgres/embedded/store-dir.ts'
import { takeStore } from '../postgres/embedded/store-lock.ts'
import { serve } from '../server/serve.ts'
import { checkListen } from './check-listen.ts'
import { errorText } from './error-text.ts'
import { logFormats, readLogFormat } from './log-format.ts'
import { serverLog } from './server-log.ts'
import { stopSignal } from './stop-signal.ts'
import { openAddressWarning } from './open-address.ts'
import { readAddress, readFlags, UsageError, type Address } from './usage-error.ts'
import { packageVersion } from './version.ts'

const help = `Usage: changefeed start-single-node --insecure [flags]

  --insecure                  no TLS, no passwords (the only mode there is yet)
  --listen-addr=HOST[:PORT]   where SQL listens (localhost:26257; port 0: a free one)
  --accept-sql-without-tls    listen where other machines reach it, although whoever reaches it is let in
  --http-addr=HOST[:PORT]     where health and metrics listen (localhost:8080)
  --http-allowed-hosts=NAMES  names, apart from localhost and its address, that HTTP requests may use for this server
  --store=DIR                 where everything is kept (changefeed-data)
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
  'log-format': { type: 'string', default: 'json' },
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
  const logFormat = readLogFormat(values['log-format'])
  const storeDir = resolve(values.store)
  const warning = openAddressWarning(listen, values['accept-sql-without-tls'] === true)
  if (warning !== undefined) process.stderr.write(`WARNING: ${warning}\n\n`)
  const httpNames = values['http-allowed-hosts'].split(',').map((name) => name.trim())
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
  stopSignal({ asked: () => stopAsked.resolve(), atOnce: () => abandonPostmaster(join(storeDir, 'postgres')) })
  const fresh = rememberStore(storeDir)
  let wasReady = false
  try {
    // Before anything is made on the disk.
    await checkListen(listen)
    await checkListen(http)
    unlock = await takeStore(storeDir)
    const log = serverLog(storeDir, logFormat)
    if (warning !== undefined) log.warn({ listen: listen.host }, warning)
    const server = await serve({ listen, http, storeDir, httpNames, log, onShutdown: () => stopAsked.resolve() })
    try {
      const url = sqlUrl(listen, server.sqlPort)
      write('--pid-file', values['pid-file'], `${process.pid}\n`)
      write('--listening-url-file', values['listening-url-file'], `${url}\n`)
      writeFileSync(join(storeDir, 'http-address'), `${shown(http.host)}:${server.httpPort}`)
      wasReady = true
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
      if (!wasReady) fresh.undo()
    }
  }
}

/** Starts itself again, detached, and waits for its word. */
async function background(argv: readonly string[], storeDir: string): Promise<number> {
  const fresh = rememberStore(storeDir)
  const output = openOutput(storeDir)
  const child = spawn(
    process.execPath,
    [process.argv[1] ?? '', 'start-single-node', ...argv.filter((flag) => flag !== '--background')],
    {
      detached: true,
      stdio: ['ignore', output, output, 'ipc'],
    },
  )
  closeSync(output)
  const { promise, resolve: settle } = Promise.withResolvers<{ readonly tag: string; readonly text: string }>()
  child.on('message', settle)
  const ended = new Promise<void>((resolveEnd) => {
    child.on('exit', (code) => {
      settle({ tag: 'died', text: `ERROR: the server ended with exit code ${code}; see ${join(storeDir, 'logs')}\n` })
      resolveEnd()
    })
  })
  const { tag, text } = await promise
  if (tag !== 'ready') {
    process.stderr.write(text)
    // What it has said is all that its output could tell, so a store that it was to begin does not stay.
    if (tag === 'failed') await ended.then(() => fresh.undo())
    return 1
  }
  if (child.connected) child.disconnect()
  child.unref()
  process.stdout.write(`${text}stop:    ${commandName()} quit --insecure --store=${shellWord(storeDir)}\n`)
  return 0
}

/** Where the output of the server goes, which nobody reads once it runs in the background. */
function openOutput(storeDir: string): number {
  makeStoreDir(storeDir)
  const logs = join(storeDir, 'logs')
  try {
    mkdirSync(logs, { recursive: true, mode: 0o700 })
    return openSync(join(logs, 'changefeed.out'), 'a', 0o600)
  } catch (error) {
    throw new FeedError('FEED_START', `cannot write into ${logs}: ${(error as Error).message}`)
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
    `client:  ${commandName()} sql --insecure --url '${url}'`,
    `store:   ${storeDir}`,
    `logs:    ${join(storeDir, 'logs')}`,
    `pid:     ${process.pid}`,
    '',
  ].join('\n')
}
