// What running_status says of a job.

import type { Hlc } from '../core/hlc.ts'
import { highWaterOf, type JobProgress } from '../core/job-progress.ts'

/** The running_status of a feed that waits for nothing. */
export function runningStatus(progress: JobProgress): string | null {
  const highWater = highWaterOf(progress)
  return highWater === undefined ? null : `running: resolved=${readable(highWater)}`
}

/** Seconds, nanoseconds, and the logical part behind a comma. */
function readable({ wall, logical }: Hlc): string {
  const nanos = 1_000_000_000n
  return `${wall / nanos}.${String(wall % nanos).padStart(9, '0')},${logical}`
}
