// What a job that fails again and again says of itself.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logger } from 'pino'
import type { JobProgress } from '../core/job-progress.ts'
import { FeedError } from '../errors/feed-error.ts'
import { logTo } from '../cli/server-log.ts'
import { JobRun } from './job-run.ts'
import type { JobStore } from './job-store.ts'
import type { ClaimedJob } from './jobs.ts'

const beganAt = 1_796_000_000_000_000_000n
const at = (nanos: bigint): JobProgress => ({ tag: 'following', highWater: { wall: beganAt + nanos, logical: 0 } })

interface Said {
  readonly statuses: (string | null | undefined)[]
  readonly levels: string[]
}

/** Runs a job whose every attempt saves a progress and fails, and stops it after so many attempts. */
async function failing(attempts: number, nanosOf: (attempt: number) => bigint): Promise<Said> {
  const statuses: (string | null | undefined)[] = []
  const levels: string[] = []
  const store = {
    save: async (_job: unknown, _progress: unknown, status: string | undefined) => {
      statuses.push(status)
      return true
    },
    say: async (_job: unknown, status: string | null) => {
      statuses.push(status)
    },
    settle: async () => true,
  } as unknown as JobStore
  const log: Logger = logTo(
    (line) => {
      if (line.includes('tries again')) levels.push(/ (INFO|WARN|ERROR) /.exec(line)?.[1] ?? '')
    },
    { level: 'info', format: 'text' },
  )
  let attempt = 0
  const run = new JobRun({
    job: {
      id: '1',
      progress: at(0n),
      payload: { spec: { targets: [] }, onError: 'fail' },
    } as unknown as ClaimedJob,
    store,
    log,
    start: async (_job, { save }) => {
      attempt += 1
      if (attempt > attempts) run.stop('cancel')
      else await save(at(nanosOf(attempt)))
      throw new FeedError('FEED_SINK', 'the far end refuses')
    },
    backoff: () => ({ firstMs: 1, mostMs: 1 }),
    retried: () => undefined,
    ended: () => undefined,
  })
  await run.ended
  return { statuses, levels }
}

const refused = 'transient error: the far end refuses'

test('attempts that only save a moment in which nothing happened hide neither the failure nor how long it lasts', async () => {
  const { statuses, levels } = await failing(4, (attempt) => BigInt(attempt))
  assert.deepEqual(statuses, [undefined, ...Array.from({ length: 7 }, () => refused)])
  assert.deepEqual(levels, ['INFO', 'WARN', 'WARN', 'WARN'])
})

test('the failures of a job that goes on in between are each the first one', async () => {
  const hour = 3_600_000_000_000n
  const { levels } = await failing(3, (attempt) => BigInt(attempt) * hour)
  assert.deepEqual(levels, ['INFO', 'INFO', 'INFO'])
})
