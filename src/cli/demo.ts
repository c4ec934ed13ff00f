// changefeed demo: a server in a store of its own, a table, a little traffic, and its changefeed on the screen.

import { mkdtempSync, rmSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import pino from 'pino'
import { FeedError } from '../errors/feed-error.ts'
import { serve, type RunningServer } from '../server/serve.ts'
import { sqlUrl } from './start-single-node.ts'
import { readFlags, readPort, UsageError } from './usage-error.ts'

const help = `Usage: changefeed demo [--seconds=N] [--sql-port=N] [--http-port=N]

Starts a server in a temporary store, changes a table every second and prints its changefeed, until Ctrl-C or for N
seconds.
`

const flags = {
  seconds: { type: 'string' },
  'sql-port': { type: 'string', default: '26257' },
  'http-port': { type: 'string', default: '8080' },
} as const

const host = 'localhost'
const names = ['Petee', 'Carl', 'Ernie', 'Max', 'Lulu', 'Roach', 'Biscuit', 'Waffles']
const changefeed = "EXPERIMENTAL CHANGEFEED FOR office_dogs WITH updated, resolved = '5s'"

export async function demo(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds)
  if (seconds !== undefined && !(seconds > 0))
    throw new UsageError(`--seconds=${values.seconds} is not a number of seconds`)

  const ports = {
    sql: readPort(values['sql-port'], '--sql-port', 0),
    http: readPort(values['http-port'], '--http-port', 0),
  }

  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  const storeDir = mkdtempSync(join(tmpdir(), 'changefeed-demo-'))
  chmodSync(storeDir, 0o755)
  let server: RunningServer | undefined
  try {
    server = await start(storeDir, ports.sql, ports.http)
    if (seconds !== undefined) setTimeout(() => stop.abort(), seconds * 1000).unref()
    await show(server, stop.signal)
  } finally {
    await server?.stop()
    rmSync(storeDir, { recursive: true, force: true })
  }
  process.stdout.write('\nThe demo is over; its store is removed.\n')
  return 0
}

/** On the ports that everybody knows, or on free ones. */
async function start(storeDir: string, sqlPort: number, httpPort: number): Promise<RunningServer> {
  const log = pino({ level: 'silent' })
  for (const [sql, http] of [
    [sqlPort, httpPort],
    [sqlPort, 0],
    [0, 0],
  ] as const) {
    try {
      return await serve({ listen: { host, port: sql }, http: { host, port: http }, storeDir, log })
    } catch (error) {
      const isTaken =
        error instanceof FeedError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
      if (!isTaken || (http === 0 && sql === 0)) throw error
    }
  }
  throw new FeedError('FEED_START', 'no free port')
}

async function show(server: RunningServer, signal: AbortSignal): Promise<void> {
  const url = sqlUrl({ host, port: 0 }, server.sqlPort)
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ host: '127.0.0.1', port: server.sqlPort, user: 'root', database: 'defaultdb' })
    // The server goes down at the end, with these connections open.
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  const writer = await connect()
  await writer.query('SET CLUSTER SETTING kv.rangefeed.enabled = true')
  await writer.query('CREATE TABLE office_dogs (id INT PRIMARY KEY, name STRING)')
  await writer.query("INSERT INTO office_dogs VALUES (1, 'Petee'), (2, 'Carl')")
  process.stdout.write(`
SQL listens at   ${url}
HTTP listens at  http://${host}:${server.httpPort}   (/health?ready=1, /_status/vars)

A table office_dogs changes every second. This is what its changefeed says:

  ${changefeed};

`)
  const reader = await connect()
  const feed = new pg.Query(changefeed)
  feed.on('row', (row: { table: string | null; key: Buffer | null; value: Buffer }) => {
    process.stdout.write(`${[row.table ?? '', row.key?.toString() ?? '', row.value.toString()].join('  ')}\n`)
  })
  const ended = Promise.withResolvers<void>()
  feed.on('error', (error) => ended.reject(error))
  feed.on('end', () => ended.resolve())
  ended.promise.catch(() => undefined)
  reader.query(feed)
  setTimeout(() => process.stdout.write(tryNext(url)), 3500).unref()
  await Promise.race([traffic(writer, signal), ended.promise])
}

function tryNext(url: string): string {
  return `
  Try it yourself in another terminal:
    npx changefeed sql --insecure --url '${url}'
    psql '${url}'
  and there:
    INSERT INTO office_dogs VALUES (1000, 'Yours');
    EXPERIMENTAL CHANGEFEED FOR office_dogs WITH diff;
  Ctrl-C ends the demo.

`
}

async function traffic(writer: pg.Client, signal: AbortSignal): Promise<void> {
  for (let id = 3; !signal.aborted; id++) {
    const name = names[id % names.length] ?? ''
    if (id % 4 === 0)
      await writer.query('UPDATE office_dogs SET name = $1 WHERE id = 1', [id % 8 === 0 ? 'Petee' : 'Petee H'])
    else if (id % 7 === 0) await writer.query('DELETE FROM office_dogs WHERE id = (SELECT max(id) FROM office_dogs)')
    else await writer.query('INSERT INTO office_dogs VALUES ($1, $2)', [id, name])
    await delay(1000, undefined, { signal }).catch(() => undefined)
  }
}
