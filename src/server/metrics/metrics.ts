// The text of /_status/vars, measured at each request. Changefeeds are measured in total and by scope: those that run, and the
// counts of those that are over.

import type { Hlc } from '../../core/hlc.ts'
import { highWaterOf, readsLogFrom } from '../../core/job-progress.ts'
import { addCounts, defaultScope, type ScopeCounts } from '../../core/metric-scopes.ts'
import { changefeedMetrics, type MeasuredChangefeeds } from '../../metrics/changefeed-metrics.ts'
import { metricsText } from '../../metrics/metrics.ts'
import { sourceMetrics } from '../../metrics/source-metrics.ts'
import type { ServerParts } from '../server-parts.ts'

type MeasuredParts = Pick<ServerParts, 'feeds' | 'jobs' | 'sources' | 'scopes' | 'settings'>

interface MeasuredScopes {
  readonly total: MeasuredChangefeeds
  readonly byScope: ReadonlyMap<string, MeasuredChangefeeds>
}

export async function serverMetrics(parts: MeasuredParts): Promise<string> {
  const { sources, settings } = parts
  const { total, byScope } = measureScopes(parts)
  const showsScopes = settings.get('server.child_metrics.enabled')
  const showsTotal = !showsScopes || settings.get('server.child_metrics.include_aggregate.enabled')
  const changefeeds = [
    ...(showsTotal ? [{ labels: {}, of: total }] : []),
    ...(showsScopes ? [...byScope].map(([scope, of]) => ({ labels: { scope }, of })) : []),
  ]
  const ofSources = sources.all.map((of) => ({ labels: { database: of.connection.database }, of }))
  return `${await metricsText(changefeedMetrics, changefeeds)}\n${await metricsText(sourceMetrics, ofSources)}`
}

function measureScopes({ scopes, feeds: { running: feeds }, jobs: { running: jobs } }: MeasuredParts): MeasuredScopes {
  const now = BigInt(Date.now()) * 1_000_000n
  const start = (counts: Readonly<ScopeCounts>): MeasuredChangefeeds => {
    return { ...counts, running: 0, scanning: 0, pendingRanges: 0, frontier: undefined, checkpoint: undefined, now }
  }
  const total = start(scopes.total)
  const byScope = new Map([...scopes.all].map(([scope, counts]) => [scope, start(counts)]))
  const measure = (scope: string | undefined, add: (measured: MeasuredChangefeeds) => void): void => {
    add(total)
    const own = byScope.get(scope ?? defaultScope)
    if (own !== undefined) add(own)
  }

  for (const { scope, progress } of feeds) {
    measure(scope, (measured) => {
      addCounts(measured, progress)
      if (progress.pendingRanges === undefined) return
      measured.scanning += 1
      measured.pendingRanges += progress.pendingRanges
    })
  }
  const frontiers = new Map(feeds.map(({ id, scope, progress }) => [id, { scope, frontier: progress.frontier }]))
  for (const { job, progress } of jobs) {
    // A job whose sink is down has no feed most of the time. Its lag still grows, and is measured from its saved progress.
    const frontier = frontiers.get(job.id)?.frontier ?? readsLogFrom(progress)
    frontiers.delete(job.id)
    measure(job.payload.spec.scope, (measured) => {
      measured.running += 1
      measured.frontier = earlier(measured.frontier, frontier)
      measured.checkpoint = earlier(measured.checkpoint, highWaterOf(progress))
    })
  }
  for (const { scope, frontier } of frontiers.values()) {
    measure(scope, (measured) => {
      measured.running += 1
      measured.frontier = earlier(measured.frontier, frontier)
    })
  }
  return { total, byScope }
}

function earlier(least: bigint | undefined, at: Hlc | undefined): bigint | undefined {
  if (at === undefined || (least !== undefined && least <= at.wall)) return least
  return at.wall
}
