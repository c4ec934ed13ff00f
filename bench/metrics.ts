// What it costs to be watched: a backlog of rows through a changefeed into null://, again and again for some seconds, alone and while a
// Prometheus scrapes every five seconds and two pages of the console are open: the dashboard over the last hour, and the jobs. What
// these ask for, and how often, is what the pages do. Other jobs run beside it, each with a metrics_label of its own, so that the
// page of metrics is long.
//
// BENCH_ROWS (1,000,000) in the backlog; BENCH_ROUNDS (5) rounds of 2 × BENCH_SECONDS (15); BENCH_JOBS (100) other jobs.

import { setTimeout as delay } from 'node:timers/promises'
import { dashboardGraphs } from '../console/src/graph/dashboard-graphs.ts'
import type { Line } from '../console/src/graph/line.ts'
import { until } from '../test/support/until.ts'
import { BenchServer } from './bench-server.ts'
import { giveUpAfterMs } from './bench-source.ts'
import { printRatio, printTable } from './print-table.ts'

const setting = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise)
const rows = setting('BENCH_ROWS', 1_000_000)
const rounds = setting('BENCH_ROUNDS', 5)
const roundMs = setting('BENCH_SECONDS', 15) * 1000
const others = setting('BENCH_JOBS', 100)
const goal = 0.97

await using server = await BenchServer.start()
await server.sql('SET CLUSTER SETTING server.child_metrics.enabled = true')
await server.sql(
  'CREATE TABLE busy (id INT8 PRIMARY KEY, n INT8, name STRING); CREATE TABLE quiet (id INT8 PRIMARY KEY)',
)
for (let i = 0; i < others; i++)
  await server.sql(`CREATE CHANGEFEED FOR quiet INTO 'null://' WITH no_initial_scan, metrics_label = 'label ${i}'`)
// The table is watched from the first changefeed on, so that a cursor finds its changes.
await server.sql(`CREATE CHANGEFEED FOR busy INTO 'null://' WITH no_initial_scan`)
const from = await now()
await server.sql(`INSERT INTO busy SELECT i, i * 7, 'name ' || i FROM generate_series(1, ${rows}) AS i`)
const to = await now()
// The first one warms up what runs.
await drain()
const asked: Record<string, { requests: number; bytes: number }> = {}
interface Round {
  /** Rows in a second. */
  readonly speed: number
  /** Microseconds of processor time of the server for a row, which other programs of the machine disturb less. */
  readonly cpu: number
}
const alone: Round[] = []
const watched: Round[] = []
for (let round = 0; round < rounds; round++) {
  // Which comes first changes, so that what grows over time is not counted against one of them.
  for (const isWatched of round % 2 === 0 ? [false, true] : [true, false])
    (isWatched ? watched : alone).push(await (isWatched ? whileWatched(measure) : measure()))
}
const speeds = (list: readonly Round[]): number[] => list.map(({ speed }) => speed)
const ratios = alone.map(({ speed }, i) => (watched[i]?.speed ?? 0) / speed)
printTable(
  ['round', 'alone, rows/s', 'watched, rows/s', 'ratio', 'alone, µs CPU', 'watched, µs CPU'],
  alone.map(({ speed, cpu }, i) => [
    String(i + 1),
    speed,
    watched[i]?.speed,
    ratios[i]?.toFixed(3),
    cpu,
    watched[i]?.cpu,
  ]),
)
printTable(
  ['asked for', 'requests', 'KiB each'],
  Object.entries(asked).map(([what, { requests, bytes }]) => [what, requests, Math.round(bytes / requests / 1024)]),
)
printRatio('watched / alone, medians', median(speeds(watched)) / median(speeds(alone)), `≥ ${goal}`)
printRatio('watched / alone, median round', median(ratios), `≥ ${goal}`)

async function now(): Promise<string> {
  const [row] = await server.sql('SELECT cluster_logical_timestamp()::string AS now')
  return String(row?.['now'])
}

/** Over as many whole backlogs as fill a round. */
async function measure(): Promise<Round> {
  const startedAt = performance.now()
  const cpuBefore = server.cpu
  let drained = 0
  do {
    await drain()
    drained += rows
  } while (performance.now() - startedAt < roundMs)
  const speed = (drained / (performance.now() - startedAt)) * 1000
  return { speed, cpu: ((server.cpu - cpuBefore) / drained) * 1e6 }
}

async function drain(): Promise<void> {
  const [row] = await server.sql(
    `CREATE CHANGEFEED FOR busy INTO 'null://' WITH updated, cursor = '${from}', end_time = '${to}'`,
  )
  const id = String(row?.['job_id'])
  await until('the backlog is emitted', giveUpAfterMs, async () => {
    await delay(20)
    const [job] = await server.sql(`SELECT status FROM crdb_internal.jobs WHERE job_id = ${id}`)
    if (job?.['status'] === 'failed') throw new Error(`job ${id} failed`)
    return job?.['status'] === 'succeeded' ? true : undefined
  })
}

async function whileWatched(work: () => Promise<Round>): Promise<Round> {
  const over = new AbortController()
  const watching = [
    everyMs(5000, () => ask('metrics', '/_status/vars'), over.signal),
    everyMs(5000, () => ask('jobs', '/api/v1/jobs?limit=50&offset=0'), over.signal),
    everyMs(10_000, openDashboard, over.signal),
  ]
  try {
    return await work()
  } finally {
    over.abort()
    await Promise.all(watching)
  }
}

async function openDashboard(): Promise<void> {
  const paths = dashboardGraphs.flatMap(({ lines }) =>
    Array.from(Map.groupBy(lines, optionsOf), ([options, group]) => {
      const names = [...new Set(group.map(({ metric }) => metric))]
      return `/api/v1/series?${options}&step=10000&${names.map((name) => `name=${name}`).join('&')}`
    }),
  )
  const toMs = Math.ceil(Date.now() / 10_000) * 10_000
  await Promise.all([
    ask('summary', '/api/v1/overview'),
    ask('events', '/api/v1/events?limit=5'),
    ...paths.map((path) => ask('graph', `${path}&from=${toMs - 3_600_000}&to=${toMs}`)),
  ])
}

function optionsOf({ downsample = 'avg', aggregate = 'sum', rate = 'none', of = 'cluster' }: Line): string {
  const combined = aggregate === null ? '' : `&aggregate=${aggregate}`
  return `downsample=${downsample}&rate=${rate}&of=${of}${combined}`
}

async function ask(what: string, path: string): Promise<void> {
  const text = await server.page(path)
  const sum = (asked[what] ??= { requests: 0, bytes: 0 })
  sum.requests += 1
  sum.bytes += text.length
}

async function everyMs(pauseMs: number, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await work()
    await delay(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
