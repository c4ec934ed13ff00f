// Measures everything that metrics are about: changefeeds in total and by scope, jobs, sinks, sources and the process.

import type { Hlc } from '../../core/hlc.ts'
import { feedMeter, type FeedMeter } from '../../core/feed-meter.ts'
import { highWaterOf, readsLogFrom, type JobProgress } from '../../core/job-progress.ts'
import { defaultScope, maxScopes } from '../../core/metric-scopes.ts'
import type { FeedTarget } from '../../core/feed-spec.ts'
import type { PausedJob } from '../../jobs/job-lists.ts'
import { changefeedMetrics, type MeasuredChangefeeds } from '../../metrics/changefeed-metrics.ts'
import { jobMetrics, type MeasuredJob, type MeasuredJobs, type MeasuredTable } from '../../metrics/job-metrics.ts'
import type { Measured, MetricTable } from '../../metrics/metrics.ts'
import { serverProcessMetrics } from '../../metrics/server-metrics.ts'
import { sinkMetrics } from '../../metrics/sink-metrics.ts'
import { sourceMetrics } from '../../metrics/source-metrics.ts'
import type { ServerParts } from '../server-parts.ts'
import type { PausedJobs } from './paused-jobs.ts'
import type { TableNames } from './table-names.ts'

export interface MeasuredParts extends Pick<ServerParts, 'feeds' | 'jobs' | 'sources' | 'scopes' | 'certificates'> {
  readonly paused: PausedJobs
  readonly names: TableNames
}

/** A table of metrics with what it is read from. `run` keeps the type of both together. */
export interface MeasuredMetrics {
  run<Result>(use: <Of>(table: MetricTable<Of>, measured: readonly Measured<Of>[]) => Result): Result
}

export interface MeasuredServerParts {
  readonly total: MeasuredChangefeeds
  readonly byScope: ReadonlyMap<string, MeasuredChangefeeds>
  readonly jobs: MeasuredJobs
  /** All other tables. */
  readonly others: readonly MeasuredMetrics[]
}

const lagsFromNanos = 180_000_000_000n

export async function measure(parts: MeasuredParts): Promise<MeasuredServerParts> {
  const paused = await parts.paused.now()
  await parts.names.learn([...parts.jobs.running.map(({ job }) => job.payload.spec), ...paused])
  const now = BigInt(Date.now()) * 1_000_000n
  const { total, byScope } = measureScopes(parts, paused, now)
  const jobs = measureJobs(parts, paused, { now, meter: total.meter })
  const sinks = measureSinks(parts)
  const sources = parts.sources.all.map((of) => ({ labels: { database: of.connection.database }, of }))
  const process = { labels: {}, of: { ...processNow(), certificates: parts.certificates() } }
  return {
    total,
    byScope,
    jobs,
    others: [
      metricsOf(jobMetrics, [{ labels: {}, of: jobs }]),
      metricsOf(sinkMetrics, sinks),
      metricsOf(sourceMetrics, sources),
      metricsOf(serverProcessMetrics, [process]),
    ],
  }
}

export function changefeedsOf(measured: readonly Measured<MeasuredChangefeeds>[]): MeasuredMetrics {
  return metricsOf(changefeedMetrics, measured)
}

function metricsOf<Of>(table: MetricTable<Of>, measured: readonly Measured<Of>[]): MeasuredMetrics {
  return { run: (use) => use(table, measured) }
}

function measureScopes(
  { scopes, feeds: { running: feeds }, jobs: { running: jobs } }: MeasuredParts,
  paused: readonly PausedJob[],
  now: bigint,
): Pick<MeasuredServerParts, 'total' | 'byScope'> {
  const start = (counted: FeedMeter): MeasuredChangefeeds => {
    const meter = feedMeter()
    meter.add(counted)
    const none = { running: 0, scanning: 0, pendingRanges: 0, tables: 0, laggingTables: 0 }
    return { ...none, meter, frontier: undefined, checkpoint: undefined, now }
  }
  const total = start(scopes.total)
  const byScope = new Map([...scopes.all].map(([scope, counted]) => [scope, start(counted)]))
  // A scope is there from the moment on in which a job has it, whether or not the job has run since the server started.
  for (const { scope } of [...jobs.map(({ job }) => job.payload.spec), ...paused])
    if (scope !== undefined && !byScope.has(scope) && byScope.size <= maxScopes) byScope.set(scope, start(feedMeter()))
  const measure = (scope: string | undefined, add: (measured: MeasuredChangefeeds) => void): void => {
    add(total)
    const own = byScope.get(scope ?? defaultScope)
    if (own !== undefined) add(own)
  }
  const addRunning = (scope: string | undefined, tables: number, frontier: Hlc | undefined): void =>
    measure(scope, (measured) => {
      measured.running += 1
      measured.tables += tables
      if (frontier !== undefined && now - frontier.wall > lagsFromNanos) measured.laggingTables += tables
      measured.frontier = earlier(measured.frontier, frontier)
    })

  for (const { scope, progress, meter } of feeds) {
    measure(scope, (measured) => {
      measured.meter.add(meter)
      if (progress.pendingRanges === undefined) return
      measured.scanning += 1
      measured.pendingRanges += progress.pendingRanges
    })
  }
  const others = new Map(feeds.map((feed) => [feed.id, feed]))
  for (const { job, progress } of jobs) {
    const { scope, targets } = job.payload.spec
    // A job whose sink is down has no feed most of the time. Its lag still grows, and is measured from its saved progress.
    addRunning(scope, targets.length, others.get(job.id)?.progress.frontier ?? readsLogFrom(progress))
    others.delete(job.id)
    measure(scope, (measured) => {
      measured.checkpoint = earlier(measured.checkpoint, highWaterOf(progress))
    })
  }
  for (const { scope, tables, progress } of others.values()) addRunning(scope, tables, progress.frontier)
  return { total, byScope }
}

function measureJobs(
  { feeds, jobs, names }: MeasuredParts,
  paused: readonly PausedJob[],
  { now, meter }: Pick<MeasuredChangefeeds, 'now' | 'meter'>,
): MeasuredJobs {
  const meters = new Map(feeds.running.map((feed) => [feed.id, feed.meter]))
  const measured: MeasuredJob[] = []
  const tables = new Map<string, MeasuredTable>()
  let pins = 0
  let oldestPin = 0
  const add = (job: Pick<PausedJob, 'id' | 'scope' | 'database' | 'createdMs'> & JobFacts): void => {
    const { id, scope = defaultScope, database, progress, createdMs, isPaused, targets } = job
    const from = readsLogFrom(progress)
    const since = from?.wall ?? BigInt(createdMs) * 1_000_000n
    const lag = since > now ? 0 : Number(now - since)
    measured.push({ id, scope, isPaused, lag, meter: meters.get(id) })
    for (const target of targets) {
      const table = names.of(database, target)
      const key = JSON.stringify([database, table])
      if ((tables.get(key)?.lag ?? -1) < lag) tables.set(key, { database, table, lag })
    }
    if (from === undefined) return
    pins += 1
    oldestPin = Math.max(oldestPin, lag)
  }
  const running = new Set<string>()
  for (const { job, progress } of jobs.running) {
    const { id, createdMs, payload } = job
    running.add(id)
    add({ ...payload.spec, id, createdMs, progress, isPaused: false, scope: payload.spec.scope })
  }
  for (const job of paused) if (!running.has(job.id)) add({ ...job, isPaused: true })
  return { jobs: measured, tables: [...tables.values()], pins, oldestPin, meter }
}

interface JobFacts {
  readonly progress: JobProgress
  readonly targets: readonly FeedTarget[]
  readonly isPaused: boolean
}

function measureSinks({ scopes, feeds }: MeasuredParts): readonly Measured<FeedMeter>[] {
  const sums = new Map<string, FeedMeter>()
  const add = (sink: string, meter: FeedMeter): void => {
    let sum = sums.get(sink)
    if (sum === undefined) sums.set(sink, (sum = feedMeter()))
    sum.add(meter)
  }
  for (const [sink, meter] of scopes.sinks) add(sink, meter)
  for (const { sink, meter } of feeds.running) add(sink, meter)
  return [...sums].map(([sink, of]) => ({ labels: { sink }, of }))
}

function processNow() {
  const { user, system } = process.cpuUsage()
  return { uptimeSeconds: process.uptime(), memoryBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 }
}

function earlier(least: bigint | undefined, at: Hlc | undefined): bigint | undefined {
  if (at === undefined || (least !== undefined && least <= at.wall)) return least
  return at.wall
}
