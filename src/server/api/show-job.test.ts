import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListedJob } from '../../jobs/listed-jobs.ts'
import type { PooledFeed } from '../../feed/pool/feed-pool.ts'
import { FeedRates } from './feed-rates.ts'
import { reachedBy, showJob } from './show-job.ts'

const row: ListedJob = {
  id: '1',
  description: 'CREATE CHANGEFEED …',
  user: 'root',
  status: 'running',
  runningStatus: 'running: resolved=1.0,0',
  createdMs: 0,
  startedMs: 0,
  modifiedMs: 0,
  finishedMs: null,
  fraction: null,
  highWater: '1700000000000000000.0000000000',
  error: '',
  spec: undefined,
}

const nowMs = 1_700_000_005_000

/** A job that no feed runs for at the moment. */
function shown(job: Partial<ListedJob>): readonly [phase: string, lagMs: number | null] {
  const rates = new FeedRates({ running: [] })
  const { phase, lagMs } = showJob({ ...row, ...job }, { nowMs, rates, feeds: new Map() })
  rates.close()
  return [phase, lagMs]
}

test('the phase of a job follows from its row, and its lag from its high-water mark unless it is over', () => {
  assert.deepEqual(shown({}), ['following', 5000])
  assert.deepEqual(shown({ highWater: null, runningStatus: null }), ['initial-scan', null])
  assert.deepEqual(shown({ highWater: null, runningStatus: null, fraction: 0.5 }), ['initial-scan', null])
  assert.deepEqual(shown({ fraction: 0.5, runningStatus: 'running: backfilling table "t" …' }), ['backfill', 5000])
  assert.deepEqual(shown({ runningStatus: 'transient error: no broker; start one' }), ['retrying', 5000])
  assert.deepEqual(shown({ runningStatus: 'waiting for Kafka', fraction: 0.5 }), ['waiting', 5000])
  assert.deepEqual(shown({ status: 'paused', runningStatus: null }), ['paused', 5000])
  assert.deepEqual(shown({ status: 'pause-requested' }), ['paused', 5000])
  for (const status of ['failed', 'succeeded', 'canceled'])
    assert.deepEqual(shown({ status, finishedMs: nowMs }), ['over', null])
})

function problemOf(job: Partial<ListedJob>): unknown {
  const rates = new FeedRates({ running: [] })
  const { problem } = showJob({ ...row, ...job }, { nowMs, rates, feeds: new Map() })
  rates.close()
  return problem
}

test('the error of a job and what to do about it are apart, also where the error has a semicolon', () => {
  assert.equal(problemOf({}), null)
  assert.equal(problemOf({ status: 'paused', runningStatus: null }), null)
  assert.deepEqual(problemOf({ runningStatus: 'transient error: no broker; start one; or another' }), {
    error: 'no broker',
    hint: 'start one; or another',
  })
  assert.deepEqual(problemOf({ runningStatus: 'waiting for Kafka: it does not answer' }), {
    error: 'waiting for Kafka: it does not answer',
    hint: undefined,
  })
  assert.deepEqual(problemOf({ status: 'failed', error: 'a; b', runningStatus: 'failed; create it anew' }), {
    error: 'a; b',
    hint: 'create it anew',
  })
  assert.deepEqual(problemOf({ status: 'paused', error: 'a; b', runningStatus: 'paused: a; b; GRANT it' }), {
    error: 'a; b',
    hint: 'GRANT it',
  })
  assert.deepEqual(problemOf({ status: 'failed', error: 'gone', runningStatus: null }), {
    error: 'gone',
    hint: undefined,
  })
})

test('a job has two lags: one of what is emitted, and one of what is saved', () => {
  const rates = new FeedRates({ running: [] })
  const { lagMs, checkpointLagMs } = showJob(row, { nowMs, rates, feeds: new Map() })
  rates.close()
  assert.deepEqual([lagMs, checkpointLagMs], [5000, 5000])
})

test('what is saved is emitted, also when the changefeed has not said so yet', () => {
  const feedAt = (wall: bigint) => ({ progress: { frontier: { wall, logical: 0 } } }) as PooledFeed
  assert.equal(reachedBy(row, feedAt(1_600_000_000_000_000_000n))?.wall, 1_700_000_000_000_000_000n)
  assert.equal(reachedBy(row, feedAt(1_800_000_000_000_000_000n))?.wall, 1_800_000_000_000_000_000n)
  assert.equal(reachedBy({ ...row, highWater: null }, feedAt(5n))?.wall, 5n)
})
