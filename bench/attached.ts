// What it costs that PostgreSQL is somebody else's: reached over TCP with TLS and SCRAM, beside the single node, whose PostgreSQL is
// on a unix socket, and beside TCP without TLS. All work in turn, in one run, so that their ratios hold on a busy machine as well.
// Shown are medians of the rounds.
//
// - scan: BENCH_ROWS rows (4,000,000), as `scan` does.
// - drain: BENCH_WAITING rows (1,000,000), 1000 a transaction, by bulk pulls, as `drain` does.
// - stream: the same rows by the replication stream, a message each: the way of what is written while the server runs.
// - latency: BENCH_TPS (1000), BENCH_SECONDS (4), BENCH_WARMUP (1), as `latency` does, but written to without our front.
//
// BENCH_ROUNDS (5), BENCH_PARTS (scan,drain,stream,latency). With BENCH_ROWS=1000000 BENCH_WAITING=200000 it takes less than
// four minutes on two quiet cores, and with BENCH_ROUNDS=1 beside these one.

import { measureLatency, openSides } from './attached-latency.ts'
import { openWays, type Way, type Ways } from './attached-ways.ts'
import type { BenchSource, RunCost } from './bench-source.ts'
import { paceOf } from './paced-writes.ts'
import { printRatio, printTable, type Cell } from './print-table.ts'
import { createNarrow, writeNarrow } from './waiting-rows.ts'

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5)
const rows = Number(process.env['BENCH_ROWS'] ?? 4_000_000)
const waiting = Number(process.env['BENCH_WAITING'] ?? 1_000_000)
const parts = ['scan', 'drain', 'stream', 'latency'] as const
type Part = (typeof parts)[number]
const wanted = partsOf(process.env['BENCH_PARTS'])
const batch = 1000
const sink = { tag: 'null' } as const
/** Room for a query, and none for even the smallest bulk pull. */
const noRoomForPulls = { temp_file_limit: '0', work_mem: '160kB' } as const

console.log(`medians of ${rounds} rounds`)
if (parts.some((part) => part !== 'latency' && wanted.has(part))) await feedsAlone()
if (wanted.has('latency')) await wholeServers()

async function feedsAlone(): Promise<void> {
  await using opened: Ways = await openWays()
  const { benches, ways } = opened
  for (const bench of benches) await prepare(bench)
  if (wanted.has('scan')) print('scan', rows, ways, await inTurn(ways, scan))
  for (const { control } of benches) await writeNarrow(control, { rows: waiting, batch })
  if (wanted.has('drain')) print('drain', waiting, ways, await inTurn(ways, drain))
  if (!wanted.has('stream')) return
  for (const { control, source } of benches)
    for (const [name, value] of Object.entries(noRoomForPulls))
      await control.query(`ALTER DATABASE ${source.database} SET ${name} = '${value}'`)
  print('stream', waiting, ways, await inTurn(ways, drain))
}

async function prepare(bench: BenchSource): Promise<void> {
  const { control } = bench
  await createNarrow(control)
  // The keys of what is written later are positive.
  await control.query(`INSERT INTO public.narrow SELECT -i, i * 7, 'name ' || i FROM generate_series(1, ${rows}) i`)
  await control.query('VACUUM (ANALYZE, FREEZE) public.narrow')
  await control.query('CHECKPOINT')
  await bench.watch('public.narrow')
}

async function scan({ bench, source }: Way): Promise<RunCost> {
  const cost = await bench.run({ initialScan: 'only', sink }, source)
  if (cost.messages !== rows) throw new Error(`${cost.messages} messages of ${rows} rows`)
  return cost
}

async function drain({ bench, source }: Way): Promise<RunCost> {
  await bench.rewind()
  return await bench.drain(waiting, sink, { source })
}

async function wholeServers(): Promise<void> {
  const pace = paceOf({ seconds: 4, warmUpSeconds: 1 })
  await using opened = await openSides()
  const { sides } = opened
  const measured = await inTurn(sides, (side, round) => measureLatency(side, `t${round}`, pace))
  const lines = sides.map(({ name }, side): readonly Cell[] => {
    const of = measured[side] ?? []
    const [p50, p90, p99, p999] = [0, 1, 2, 3].map((at) => median(of.map(({ percentiles }) => percentiles[at] ?? NaN)))
    return [name, p50, p90, p99, p999, median(of.map(({ cpu }) => cpu))]
  })
  console.log(
    `latency: ${pace.perSecond} tx/s for ${pace.seconds} s, commit acknowledged to row at the client, ms; CPU seconds with the warm-up`,
  )
  printTable(['', 'p50', 'p90', 'p99', 'p99.9', 'its CPU s'], lines)
  const p50 = measured.map((of) => of.map(({ percentiles }) => percentiles[0] ?? NaN))
  for (const [side, { name }] of sides.entries())
    if (side > 0) printRatio(`${name}: p50`, medianRatio(p50[side] ?? [], p50[0] ?? []), 'none set')
}

/** Works on each item once in each round; every second round goes backwards. */
async function inTurn<T, U>(items: readonly T[], work: (item: T, round: number) => Promise<U>): Promise<U[][]> {
  const results: U[][] = items.map(() => [])
  for (let round = 0; round < rounds; round++) {
    const order = [...items.entries()]
    for (const [at, item] of round % 2 === 0 ? order : order.toReversed()) results[at]?.push(await work(item, round))
  }
  return results
}

function print(part: Part, count: number, ways: readonly Way[], costs: readonly (readonly RunCost[])[]): void {
  console.log(`${part}: ${count} rows`)
  const lines = ways.map(({ name }, way): readonly Cell[] => {
    const of = costs[way] ?? []
    const mid = (value: (cost: RunCost) => number): number => median(of.map(value))
    const seconds = mid((cost) => cost.seconds)
    return [
      name,
      seconds,
      Math.round(count / seconds),
      mid(({ cpu }) => cpu),
      mid(({ threads }) => threads.ingest),
      mid(({ threads }) => threads.feed),
      mid(({ threads }) => threads.rest),
      mid(({ postgresCpu }) => postgresCpu),
      mid(({ peakMb }) => peakMb),
    ]
  })
  printTable(['', 's', 'rows/s', 'CPU s', 'ingest', 'feed', 'rest', 'PostgreSQL CPU s', 'peak MB'], lines)
  const seconds = costs.map((of) => of.map((cost) => cost.seconds))
  for (const [way, { name }] of ways.entries())
    if (way > 0) printRatio(`${name}: rows/s`, medianRatio(seconds[0] ?? [], seconds[way] ?? []), 'none set')
  console.log()
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
}

/** Of the ratios within a round, because a busy machine is not as busy in each. */
function medianRatio(values: readonly number[], others: readonly number[]): number {
  return median(values.map((value, round) => value / (others[round] ?? NaN)))
}

function partsOf(text: string | undefined): ReadonlySet<string> {
  const named = new Set<string>(text?.split(',') ?? parts)
  for (const part of named)
    if (!parts.some((known) => known === part))
      throw new Error(`BENCH_PARTS takes ${parts.join(', ')} with commas between, not ${part}`)
  return named
}
