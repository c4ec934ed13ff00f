// changefeed demo: starts a server in a store of its own, changes a table now and then, and prints the changefeed of this table.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import pino from 'pino'
import { commandName } from '../core/command-line.ts'
import { abandonPostmaster, postmasterOn } from '../postgres/embedded/postmaster.ts'
import { postgresDir } from '../postgres/embedded/store-dir.ts'
import type { RunningServer } from '../server/serve.ts'
import { readPort } from './address.ts'
import { sqlUrl } from './banner.ts'
import { checkListen } from './check-listen.ts'
import { defaultLogStyle, logFormats, logLevels, readLogLines } from './log-flags.ts'
import { readFlags } from './read-flags.ts'
import { embeddedLogin, serveEmbedded } from './serve-embedded.ts'
import { logTo } from './server-log.ts'
import { stopSignal } from './stop-signal.ts'
import { UsageError } from './usage-error.ts'

const help = `Usage: changefeed demo [--seconds=N] [--sql-port=N] [--http-port=N] [--log-level=LEVEL [--log-format=FORMAT]]

Starts a server in a temporary store, changes a table every second and prints its changefeed, until Ctrl-C or for N
seconds. It listens on ports 26257 and 8080, or on free ones when these are taken; a port that is named must be free.

With --log-level (${logLevels.join(', ')}) the log of the server goes to the standard error, with lines that look as
--log-format says: ${logFormats.join(', ')} (text).
`

const flags = {
  seconds: { type: 'string' },
  'sql-port': { type: 'string' },
  'http-port': { type: 'string' },
  'log-level': { type: 'string' },
  'log-format': { type: 'string' },
} as const

const host = 'localhost'
const longestStartMs = 30_000
const names = ['Petee', 'Carl', 'Ernie', 'Max', 'Lulu', 'Roach', 'Biscuit', 'Waffles']
const changefeed = "EXPERIMENTAL CHANGEFEED FOR office_dogs WITH updated, resolved = '5s'"

export async function demo(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds)
  if (seconds !== undefined && !(seconds > 0))
    throw new UsageError(`--seconds=${values.seconds} is not a number of seconds`)
  const log = demoLog(values['log-level'], values['log-format'])

  const ports = {
    sql: await choosePort('--sql-port', values['sql-port'], 26_257),
    http: await choosePort('--http-port', values['http-port'], 8080),
  }

  const stop = new AbortController()
  const storeDir = mkdtempSync(join(tmpdir(), 'changefeed-demo-'))
  const removeStore = (): void => rmSync(storeDir, { recursive: true, force: true })
  stopSignal({
    asked: () => stop.abort(),
    atOnce: () => {
      endPostgres(postgresDir(storeDir))
      removeStore()
    },
  })
  // False when the reader of the output has gone (`| head`): nobody would see the rest.
  let isRead = true
  process.stdout.on('error', () => {
    isRead = false
    stop.abort()
  })
  chmodSync(storeDir, 0o711)
  let server: RunningServer | undefined
  try {
    server = await serveEmbedded({
      listen: { host, port: ports.sql },
      http: { host, port: ports.http },
      storeDir,
      log,
    })
    if (seconds !== undefined) setTimeout(() => stop.abort(), seconds * 1000).unref()
    await show(server, stop.signal)
  } finally {
    await server?.stop()
    removeStore()
  }
  process.stdout.write('\nThe demo is over; its store is removed.\n')
  return isRead ? 0 : 141
}

/** The log of a server whose store nobody reads. */
function demoLog(level: string | undefined, format: string | undefined): pino.Logger {
  if (level !== undefined)
    return logTo((line) => process.stderr.write(line), {
      ...defaultLogStyle,
      ...readLogLines({ level, format: format ?? 'text' }),
    })
  if (format === undefined) return pino({ level: 'silent' })
  throw new UsageError('the demo prints a log only with --log-level', `add --log-level=${defaultLogStyle.level}`)
}

/** Returns when PostgreSQL has ended, or after two seconds: a folder in which it still writes cannot be removed. */
function endPostgres(dir: string): void {
  abandonPostmaster(dir)
  const never = new Int32Array(new SharedArrayBuffer(4))
  for (let waitedMs = 0; waitedMs < 2000 && postmasterOn(dir) !== undefined; waitedMs += 20)
    Atomics.wait(never, 0, 0, 20)
}

/** Returns the port that the flag names, which must be free; without the flag, the usual port if it is free, otherwise any free port. */
async function choosePort(flag: string, asked: string | undefined, known: number): Promise<number> {
  const port = asked === undefined ? known : readPort(asked, flag, 0)
  try {
    await checkListen({ host, port }, flag)
    return port
  } catch (error) {
    if (asked !== undefined) throw error
    return 0
  }
}

async function show(server: RunningServer, signal: AbortSignal): Promise<void> {
  const url = sqlUrl({ host, port: 0 }, { port: server.sqlPort, ...embeddedLogin })
  const address = { host: '127.0.0.1', user: 'root', database: 'defaultdb', ssl: false }
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ ...address, port: server.sqlPort })
    // The server stops at the end while these connections are open.
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
The console is   http://${host}:${server.httpPort}   (metrics: /_status/vars, health: /health?ready=1)

A table office_dogs changes every second. This is what its changefeed says:

  ${changefeed};

`)
  const reader = await connect()
  const feed = new pg.Query(changefeed)
  const began = Promise.withResolvers<void>()
  feed.on('row', (row: { table: string | null; key: Buffer | null; value: Buffer }) => {
    began.resolve()
    process.stdout.write(`${[row.table ?? '', row.key?.toString() ?? '', row.value.toString()].join('  ')}\n`)
  })
  const ended = Promise.withResolvers<void>()
  feed.on('error', (error) => ended.reject(error))
  feed.on('end', () => ended.resolve())
  ended.promise.catch(() => undefined)
  reader.query(feed)
  setTimeout(() => process.stdout.write(tryNext(url)), 3500).unref()
  // The rows that exist come first, as they are now, however slow the machine is.
  await Promise.race([
    began.promise,
    ended.promise,
    delay(longestStartMs, undefined, { signal }).catch(() => undefined),
  ])
  await Promise.race([traffic(writer, signal), ended.promise])
}

function tryNext(url: string): string {
  return `
  Try it yourself in another terminal:
    ${commandName()} sql --url '${url}'
  and there:
    INSERT INTO office_dogs VALUES (1000, 'Yours');
    EXPERIMENTAL CHANGEFEED FOR office_dogs WITH diff;
  psql 18 works, too. Without the first three lines it prints nothing, or hexadecimal, because key and value are BYTES:
    psql '${url}'
    \\set FETCH_COUNT 1
    \\pset pager off
    SET bytea_output = 'escape';
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
