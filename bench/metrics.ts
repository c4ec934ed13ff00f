// What it costs to be watched: a backlog of rows through a changefeed into null://, again and again, every second time while
// /_status/vars is scraped every second and the console asks for its overview, its jobs and its graphs. Other jobs run beside it, each
// with a metrics_label of its own, so that the page is long.
//
// BENCH_ROWS (1,000,000) in each of 2 × BENCH_ROUNDS (5) rounds; BENCH_JOBS (100) other jobs.

import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../test/support/until.ts'
import { BenchServer } from './bench-server.ts'
import { giveUpAfterMs } from './bench-source.ts'
import { printRatio, printTable } from './print-table.ts'

const setting = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise)
const rows = setting('BENCH_ROWS', 1_000_000)
const rounds = setting('BENCH_ROUNDS', 5)
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
const alone: number[] = []
const watched: number[] = []
let scrapes = 0
let bytes = 0
for (let round = 0; round < rounds; round++) {
  // Which comes first changes, so that what grows over time is not counted against one of them.
  for (const isWatched of round % 2 === 0 ? [false, true] : [true, false])
    (isWatched ? watched : alone).push(await (isWatched ? whileWatched(drain) : drain()))
}
printTable(
  ['round', 'alone, rows/s', 'watched, rows/s', 'ratio'],
  alone.map((speed, i) => [String(i + 1), speed, watched[i], (watched[i] ?? 0) / speed]),
)
console.log(`${scrapes} scrapes of ${Math.round(bytes / Math.max(scrapes, 1) / 1024)} KiB\n`)
printRatio('watched / alone, medians', median(watched) / median(alone), `≥ ${goal}`)

async function now(): Promise<string> {
  const [row] = await server.sql('SELECT cluster_logical_timestamp()::string AS now')
  return String(row?.['now'])
}

/** Returns the rows in a second. */
async function drain(): Promise<number> {
  const startedAt = performance.now()
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
  return (rows / (performance.now() - startedAt)) * 1000
}

async function whileWatched(work: () => Promise<number>): Promise<number> {
  const over = new AbortController()
  const watching = watch(over.signal)
  try {
    return await work()
  } finally {
    over.abort()
    await watching
  }
}

async function watch(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const [text] = await Promise.all([
      server.page('/_status/vars'),
      server.page('/api/v1/overview'),
      server.page('/api/v1/jobs'),
      server.page(`/api/v1/series?name=changefeed.emitted_messages&from=${Date.now() - 3_600_000}&to=${Date.now()}`),
    ])
    scrapes += 1
    bytes += text.length
    await delay(1000, undefined, { signal }).catch(() => undefined)
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
