// changefeed quit: asks a server to stop, and waits until it has, if its store is here.

import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FeedError } from '../errors/feed-error.ts'
import { ownerOf } from '../postgres/embedded/store-lock.ts'
import { readAddress, readFlags } from './usage-error.ts'

const help = `Usage: changefeed quit --insecure [flags]

  --store=DIR                 the store of the server to stop (changefeed-data)
  --http-addr=HOST[:PORT]     or where its HTTP listens, on this machine
`

const flags = {
  insecure: { type: 'boolean' },
  store: { type: 'string', short: 's' },
  'http-addr': { type: 'string' },
} as const

const stopWithinMs = 60_000

export async function quit(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  const storeDir = resolve(values.store ?? 'changefeed-data')
  if (values['http-addr'] === undefined && (values.store !== undefined || existsSync(storeDir)))
    return quitStore(storeDir)
  const { host, port } = readAddress(values['http-addr'] ?? 'localhost', '--http-addr', {
    host: 'localhost',
    port: 8080,
  })
  await quitOverHttp(`http://${host === 'localhost' ? '127.0.0.1' : host}:${port}`)
  process.stdout.write('ok, it shuts down\n')
  return 0
}

async function quitStore(storeDir: string): Promise<number> {
  const pid = ownerOf(storeDir)
  if (pid === undefined) throw notRunning(`no server runs on the store ${storeDir}`)
  const addressFile = join(storeDir, 'http-address')
  if (existsSync(addressFile))
    await quitOverHttp(`http://${readFileSync(addressFile, 'utf8').replace(/^localhost/, '127.0.0.1')}`)
  else process.kill(pid, 'SIGTERM')
  for (let waited = 0; ownerOf(storeDir) !== undefined; waited += 50) {
    if (waited > stopWithinMs)
      throw new FeedError('FEED_START', `process ${pid} has not stopped within ${stopWithinMs / 1000} s`)
    await delay(50)
  }
  process.stdout.write('ok\n')
  return 0
}

async function quitOverHttp(base: string): Promise<void> {
  let response
  try {
    response = await fetch(`${base}/_admin/shutdown`, { method: 'POST' })
  } catch {
    throw notRunning(`no server answers at ${base}`)
  }
  if (!response.ok) throw new FeedError('FEED_STATE', `${base} does not stop on request (HTTP ${response.status})`)
}

function notRunning(message: string): FeedError {
  return new FeedError('FEED_START', message, { hint: 'name it with --store or --http-addr' })
}
