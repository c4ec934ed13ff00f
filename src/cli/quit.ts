// changefeed quit: asks a server to stop, and waits for its end if its store is on this machine.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { asFeedError, FeedError } from '../errors/feed-error.ts'
import { readServer } from '../postgres/connection-string/read-server.ts'
import { commandName, shellWord } from '../core/command-line.ts'
import { postmasterOn, stopOrphan } from '../postgres/embedded/postmaster.ts'
import { queryOnce } from '../postgres/raw-connection.ts'
import { postgresDir } from '../postgres/embedded/store-dir.ts'
import { copiedFrom, lockStore, ownerOf } from '../postgres/embedded/store-lock.ts'
import { connectHost, readAddress, urlHost } from './address.ts'
import { connectWithinMs, unreachable } from './unreachable.ts'
import { readFlags } from './read-flags.ts'
import { UsageError } from './usage-error.ts'

const help = `Usage: changefeed quit [--insecure] [flags]

Stops a server of this machine, which needs no password. It is named by one of:
  --store=DIR                 its store (changefeed-data)
  --host=HOST[:PORT]          where its SQL listens (localhost:26257)
  --http-addr=HOST[:PORT]     where its HTTP listens (localhost:8080)
`

const flags = {
  insecure: { type: 'boolean' },
  store: { type: 'string', short: 's' },
  host: { type: 'string' },
  'http-addr': { type: 'string' },
} as const

const stopWithinMs = 60_000

export async function quit(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  const named = (['store', 'host', 'http-addr'] as const).filter((flag) => values[flag] !== undefined)
  if (named.length > 1) throw new UsageError(`--${named[0]} and --${named[1]} both name a server`, 'name it by one')
  if (values.host !== undefined) return quitStore(await storeBehind(values.host))
  const storeDir = resolve(values.store ?? 'changefeed-data')
  if (values['http-addr'] === undefined && (values.store !== undefined || existsSync(storeDir)))
    return quitStore(storeDir)
  const rules = { fallback: { host: 'localhost', port: 8080 }, leastPort: 1 } as const
  const { host, port } = readAddress(values['http-addr'] ?? 'localhost', '--http-addr', rules)
  await quitOverHttp(`http://${urlHost(connectHost(host))}:${port}`)
  process.stdout.write('ok, it shuts down\n')
  return 0
}

/** Returns the store of the server with this SQL address: the folder that contains the data folder of its PostgreSQL. */
async function storeBehind(text: string): Promise<string> {
  const rules = { fallback: { host: 'localhost', port: 26_257 }, leastPort: 1 } as const
  const { host, port } = readAddress(text, '--host', rules)
  const source = readServer(`host='${host}' port=${port} user=root dbname=defaultdb`, {})
  try {
    const [row] = await queryOnce({ ...source, connectWithinMs }, 'SHOW data_directory')
    const dir = dirname(row?.[0] ?? '')
    if (ownerOf(dir) !== undefined) return dir
  } catch (error) {
    const { code, message, cause } = asFeedError(error)
    if (code === 'FEED_SOURCE_DOWN' && cause instanceof Error) throw unreachable({ host, port }, cause)
    throw unnamed(message, error)
  }
  throw unnamed('its PostgreSQL is not its own')
}

function unnamed(why: string, cause?: unknown): FeedError {
  return new FeedError('FEED_START', `the server does not say which store it has: ${why}`, {
    hint: 'name it with --store or --http-addr, which need no login',
    cause,
  })
}

async function quitStore(storeDir: string): Promise<number> {
  const pid = ownerOf(storeDir)
  if (pid === undefined) return quitWithoutServer(storeDir)
  const addressFile = join(storeDir, 'http-address')
  const signal = (): void => void process.kill(pid, 'SIGTERM')
  if (existsSync(addressFile)) {
    const base = `http://${readFileSync(addressFile, 'utf8').replace(/^localhost/, '127.0.0.1')}`
    // It may have as many connections as it takes. Only who has started it, and root, may send it a signal.
    await quitOverHttp(base).catch((error: unknown) => {
      try {
        signal()
      } catch {
        throw error
      }
    })
  } else signal()
  for (let waited = 0; ownerOf(storeDir) !== undefined; waited += 50) {
    if (waited > stopWithinMs)
      throw new FeedError('FEED_START', `process ${pid} has not stopped within ${stopWithinMs / 1000} s`)
    await delay(50)
  }
  process.stdout.write('ok\n')
  return 0
}

/** Stops the PostgreSQL of a server that was killed: it still runs and uses the store. */
async function quitWithoutServer(storeDir: string): Promise<number> {
  const message = `no server runs on the store ${storeDir}`
  const dataDir = postgresDir(storeDir)
  const pid = postmasterOn(dataDir)
  if (pid !== undefined) {
    const unlock = lockStore(storeDir)
    try {
      await stopOrphan(dataDir)
    } catch (error) {
      if (error instanceof FeedError) throw error
      throw new FeedError(
        'FEED_START',
        `${message}, but its PostgreSQL does, and cannot be stopped: ${(error as Error).message}`,
        {
          hint: `stop process ${pid} as the user who started it: kill -INT ${pid}`,
        },
      )
    } finally {
      unlock()
    }
    process.stdout.write(`ok: the server was gone, and its PostgreSQL, process ${pid}, has been stopped\n`)
    return 0
  }
  const original = copiedFrom(storeDir)
  if (original === undefined) throw notRunning(message)
  throw new FeedError(
    'FEED_START',
    `${message}: it is a copy of ${original.dir}, on which process ${original.owner} runs`,
    {
      hint: `to stop that one: ${commandName()} quit --insecure --store=${shellWord(original.dir)}`,
    },
  )
}

async function quitOverHttp(base: string): Promise<void> {
  let response
  try {
    response = await fetch(`${base}/_admin/shutdown`, { method: 'POST' })
  } catch {
    throw notRunning(`no server answers at ${base}`)
  }
  if (!response.ok) {
    throw new FeedError('FEED_STATE', `${base} does not stop on request (HTTP ${response.status})`, {
      hint: 'a server is stopped from its own machine; is this its HTTP address?',
    })
  }
}

function notRunning(message: string): FeedError {
  return new FeedError('FEED_START', message, { hint: 'name it with --store, --host or --http-addr' })
}
