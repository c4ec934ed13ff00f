// What many feeds of one database cost: jobs into null:// on one busy table and on quiet ones, under a write load of a
// fixed rate, first of none, then of more and more feeds on the same server. CPU seconds of PostgreSQL with all its
// processes and of our server, rows emitted, memory; at the end what the most feeds cost when nothing happens. With
// --sink=kafka some feeds of the busy table write into a real broker.
//
// BENCH_FEEDS: numbers of feeds (1,4,16,200). Half of them, at most BENCH_BUSY (8), are on the busy table.
// BENCH_RATE rows a second (10,000) for BENCH_SECONDS (20); BENCH_IDLE_SECONDS (30: each job saves its progress once).

import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../test/support/until.ts'
import { startBroker } from './bench-kafka.ts'
import { BenchServer } from './bench-server.ts'
import { giveUpAfterMs } from './bench-source.ts'
import { benchFlags } from './flags.ts'
import { printRatio, printTable, type Cell } from './print-table.ts'

const setting = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise)
const levels = (process.env['BENCH_FEEDS'] ?? '1,4,16,200').split(',').map(Number)
const mostBusy = setting('BENCH_BUSY', 8)
const rate = setting('BENCH_RATE', 10_000)
const seconds = setting('BENCH_SECONDS', 20)
const idleSeconds = setting('BENCH_IDLE_SECONDS', 30)
const mostIntoKafka = 4
const tickMs = 10

const flags = benchFlags()
await using broker = flags.sink === 'kafka' ? await startBroker() : undefined
await using server = await BenchServer.start()
const most = Math.max(...levels)
const busyOf = (feeds: number): number => Math.min(mostBusy, Math.ceil(feeds / 2))
await server.sql('CREATE TABLE busy (id INT8 PRIMARY KEY, n INT8, name STRING)')
for (let i = 1; i <= most - busyOf(most); i++) await server.sql(`CREATE TABLE quiet_${i} (id INT8 PRIMARY KEY)`)
await broker?.createTopic('busy')

interface Level {
  readonly feeds: number
  readonly busy: number
  readonly postgres: number
  readonly walsenders: number
  readonly ours: number
  readonly emittedPerSecond: number
  readonly residentMb: number
}

// Not through our server, so that the load costs it nothing.
const writer = await server.connectDirectly()
let written = 0
const measured: Level[] = [await underLoad(0)]
const running = { busy: 0, quiet: 0 }
for (const feeds of levels) {
  await startUpTo(feeds)
  measured.push(await underLoad(feeds))
}
await writer.end()
report()
await idle()

async function startUpTo(feeds: number): Promise<void> {
  const busy = busyOf(feeds)
  for (; running.busy < busy; running.busy++) {
    const intoKafka = broker !== undefined && running.busy > 0 && running.busy <= mostIntoKafka
    await start('busy', intoKafka ? `kafka://${broker.bootstrap}` : 'null://')
  }
  for (; running.quiet < feeds - busy; running.quiet++) await start(`quiet_${running.quiet + 1}`, 'null://')
  await until(`${feeds} feeds run`, giveUpAfterMs, async () =>
    (await server.metric('changefeed_running')) === feeds ? true : undefined,
  )
}

async function start(table: string, sink: string): Promise<void> {
  await server.sql(
    `CREATE CHANGEFEED FOR TABLE ${table} INTO '${sink}' WITH updated, no_initial_scan, resolved = '10s'`,
  )
}

/** Writes for so many seconds and waits until all of it has been emitted by all feeds of the busy table. */
async function underLoad(feeds: number): Promise<Level> {
  const busy = feeds === 0 ? 0 : busyOf(feeds)
  const emitted = await server.emittedRows()
  const before = { postgres: server.postgres, ours: server.cpu }
  const startedAt = performance.now()
  const rows = rate * seconds
  for (let sent = 0; sent < rows;) {
    const due = Math.min(rows, Math.floor(((performance.now() - startedAt) / 1000) * rate))
    if (due > sent) {
      await writer.query(
        "INSERT INTO busy SELECT i, i * 7, 'name ' || i FROM generate_series($1::int8, $2::int8) AS i",
        [written + sent + 1, written + due],
      )
      sent = due
    }
    await delay(tickMs)
  }
  written += rows
  await server.untilEmitted(emitted + rows * busy)
  const took = (performance.now() - startedAt) / 1000
  const postgres = server.postgres
  const given = (await server.emittedRows()) - emitted
  if (given !== rows * busy) throw new Error(`${given} messages of ${rows} rows from ${busy} feeds`)
  return {
    feeds,
    busy,
    postgres: postgres.total - before.postgres.total,
    walsenders: postgres.walsenders - before.postgres.walsenders,
    ours: server.cpu - before.ours,
    emittedPerSecond: given / took,
    residentMb: server.residentMb,
  }
}

function report(): void {
  const [, one] = measured
  if (one === undefined) return
  const lines = measured.map((level): Cell[] => {
    const { feeds, busy, postgres, walsenders, ours, emittedPerSecond, residentMb } = level
    const toOne = [postgres / one.postgres, emittedPerSecond / one.emittedPerSecond, residentMb / one.residentMb]
    return [
      feeds === 0 ? 'no feed, the load alone' : `${feeds} feed${feeds === 1 ? '' : 's'}, ${busy} of the busy table`,
      postgres,
      walsenders,
      ours,
      Math.round(emittedPerSecond),
      residentMb,
      ...(feeds === 0 ? [] : toOne),
    ]
  })
  console.log(`${rate} rows/s written for ${seconds} s; CPU seconds until everything was emitted`)
  const headings = ['', 'PostgreSQL CPU s', 'walsender', 'our CPU s', 'rows/s emitted', 'RSS MB']
  printTable([...headings, `to ${one.feeds}: PostgreSQL`, 'rows/s', 'RSS'], lines)
  for (const { feeds, postgres } of measured)
    if (feeds === 16) printRatio("16 feeds' PostgreSQL CPU to one's", postgres / one.postgres, 'at most 1.3')
}

async function idle(): Promise<void> {
  const before = { postgres: server.postgres.total, ours: server.cpu, ...server.threads }
  const startedAt = performance.now()
  await delay(idleSeconds * 1000)
  const took = (performance.now() - startedAt) / 1000
  const threads = server.threads
  const share = (cpu: number): string => `${((cpu / took) * 100).toFixed(1)} %`
  console.log(`${most} feeds, nothing written for ${idleSeconds} s; shares of a core (goal: ours below 5 %)`)
  const headings = ['', 'ours', 'ingest', 'feeds', 'rest', 'PostgreSQL', 'RSS MB', 'peak MB (goal: below 600)']
  printTable(headings, [
    [
      'idle',
      share(server.cpu - before.ours),
      share(threads.ingest - before.ingest),
      share(threads.feed - before.feed),
      share(threads.rest - before.rest),
      share(server.postgres.total - before.postgres),
      server.residentMb,
      server.peakMb,
    ],
  ])
}
