// Measures changefeeds for metrics, in total and by scope: those that run, and the counts of those that are over.

import type { Hlc } from '../../core/hlc.ts'
import { highWaterOf, readsLogFrom } from '../../core/job-progress.ts'
import { addCounts, defaultScope, type MetricScopes, type ScopeCounts } from '../../core/metric-scopes.ts'
import type { FeedPool } from '../../feed/pool/feed-pool.ts'
import type { JobRegistry } from '../../jobs/registry.ts'
import type { MeasuredChangefeeds } from '../../metrics/changefeed-metrics.ts'

export interface ScopesMeasured {
  readonly total: MeasuredChangefeeds
  readonly byScope: ReadonlyMap<string, MeasuredChangefeeds>
}

export function measureScopes(
  scopes: MetricScopes,
  { running: feeds }: Pick<FeedPool, 'running'>,
  { running: jobs }: Pick<JobRegistry, 'running'>,
): ScopesMeasured {
  const now = BigInt(Date.now()) * 1_000_000n
  const start = (counts: Readonly<ScopeCounts>): MeasuredChangefeeds => {
    return { ...counts, running: 0, frontier: undefined, checkpoint: undefined, now }
  }
  const total = start(scopes.total)
  const byScope = new Map([...scopes.all].map(([scope, counts]) => [scope, start(counts)]))
  const measure = (scope: string | undefined, add: (measured: MeasuredChangefeeds) => void): void => {
    add(total)
    const own = byScope.get(scope ?? defaultScope)
    if (own !== undefined) add(own)
  }

  for (const { scope, progress } of feeds) {
    measure(scope, (measured) => addCounts(measured, progress))
  }
  const frontiers = new Map(feeds.map(({ id, scope, progress }) => [id, { scope, frontier: progress.frontier }]))
  for (const { job, progress } of jobs) {
    // A job whose sink is down has no feed most of the time, and falls behind all the same: its saved progress counts then.
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
