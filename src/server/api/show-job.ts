// A job as the API shows it: its row, and what is measured of its changefeed while it runs here.

import { laterHlc, type Hlc } from '../../core/hlc.ts'
import type { PooledFeed } from '../../feed/pool/feed-pool.ts'
import type { ListedJob } from '../../jobs/listed-jobs.ts'
import type { JobAnswer, JobPhase, LiveAnswer } from './answers.ts'
import type { FeedRates } from './feed-rates.ts'

export interface ShownBy {
  readonly nowMs: number
  readonly rates: FeedRates
  /** The changefeeds that run, by the id of their job. */
  readonly feeds: ReadonlyMap<string, PooledFeed>
}

export const finalStatuses: ReadonlySet<string> = new Set(['succeeded', 'failed', 'canceled'])

export function showJob(job: ListedJob, { nowMs, rates, feeds }: ShownBy): JobAnswer {
  const feed = feeds.get(job.id)
  const live = feed === undefined ? null : rates.of(feed)
  const reached = reachedBy(job, feed)
  const isOver = finalStatuses.has(job.status)
  const { id, description, user, status, runningStatus, error, fraction, highWater } = job
  return {
    id,
    description,
    user,
    status,
    runningStatus,
    phase: phaseOf(job, live),
    error,
    problem: problemOf(job),
    createdMs: job.createdMs,
    startedMs: job.startedMs,
    modifiedMs: job.modifiedMs,
    finishedMs: job.finishedMs,
    fraction,
    highWater,
    lagMs: isOver ? null : lagOf(reached, nowMs),
    checkpointLagMs: isOver || highWater === null ? null : lagOf(readDecimal(highWater), nowMs),
    live,
  }
}

/** The time up to which everything was emitted, of the changefeed while it runs, and saved otherwise. */
export function reachedBy({ highWater }: ListedJob, feed: PooledFeed | undefined): Hlc | undefined {
  const frontier = feed?.progress.frontier
  const saved = highWater === null ? undefined : readDecimal(highWater)
  // A running changefeed says once a second how far it is, and may have saved more since.
  if (frontier === undefined || saved === undefined) return frontier ?? saved
  return laterHlc(frontier, saved)
}

function lagOf(reached: Hlc | undefined, nowMs: number): number | null {
  return reached === undefined ? null : Math.max(0, nowMs - Number(reached.wall / 1_000_000n))
}

/** The running status of a job has what to do after a semicolon. What is in the error before must not be taken for it. */
function problemOf({ status, runningStatus, error }: ListedJob): JobAnswer['problem'] {
  const text = runningStatus ?? ''
  const isHeld = status === 'running' && text !== '' && !text.startsWith('running:')
  if (error === '' && !isHeld) return null
  const from = error === '' ? 0 : Math.max(0, text.indexOf(error)) + (text.includes(error) ? error.length : 0)
  const at = text.indexOf('; ', from)
  return {
    error: error !== '' ? error : text.slice(0, at < 0 ? undefined : at).replace(/^transient error: /, ''),
    hint: at < 0 ? undefined : text.slice(at + 2),
  }
}

function phaseOf({ status, runningStatus, fraction, highWater }: ListedJob, live: LiveAnswer | null): JobPhase {
  if (finalStatuses.has(status)) return 'over'
  if (status !== 'running') return 'paused'
  if (runningStatus?.startsWith('transient error') === true) return 'retrying'
  if (runningStatus !== null && !runningStatus.startsWith('running:')) return 'waiting'
  if (live?.scan != null || fraction !== null) return highWater === null ? 'initial-scan' : 'backfill'
  return highWater === null ? 'initial-scan' : 'following'
}

function readDecimal(text: string): Hlc {
  const [wall = '0', logical = '0'] = text.split('.')
  return { wall: BigInt(wall), logical: Number(logical) }
}
