// The text of running_status of a job.

import type { Hlc } from '../core/hlc.ts'
import { highWaterOf, type JobProgress } from '../core/job-progress.ts'

/** Returns the running_status of a feed that waits for nothing. */
export function runningStatus(progress: JobProgress): string | null {
  const highWater = highWaterOf(progress)
  return highWater === undefined ? null : `running: resolved=${readable(highWater)}`
}

/** Prints seconds, nanoseconds and, after a comma, the logical part. */
function readable({ wall, logical }: Hlc): string {
  const nanos = 1_000_000_000n
  return `${wall / nanos}.${String(wall % nanos).padStart(9, '0')},${logical}`
}

/** Returns the same text as an expression in SQL over the column of high-water marks. */
export function runningStatusSql(highWater: string): string {
  const wall = `trunc(${highWater})`
  return `'running: resolved=' || div(${wall}, 1000000000) || '.' || lpad(mod(${wall}, 1000000000)::int8::text, 9, '0') || ',' || ((${highWater} - ${wall}) * 10000000000)::int8`
}
