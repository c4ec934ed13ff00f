// The hint what to do instead of RESUME JOB, for a job in a status that refuses it.

import type { JobStatus } from './jobs.ts'

export interface UnresumedJob {
  readonly id: string
  readonly status: JobStatus
  /** The high-water timestamp as a decimal; null during the initial scan, so that a hint never leads past rows of the scan. */
  readonly highWater: string | null
}

export function resumeHint({ id, status, highWater }: UnresumedJob): string | undefined {
  switch (status) {
    case 'pause-requested':
      return `RESUME JOB ${id} when SHOW JOB ${id} shows the status paused`
    case 'cancel-requested':
    case 'canceled':
      return highWater === null
        ? 'its initial scan was not complete: create a new changefeed, without cursor'
        : `a new changefeed goes on where it ended: CREATE CHANGEFEED … WITH cursor = '${highWater}'; without cursor if a table was truncated or dropped since then`
    case 'succeeded':
      return highWater === null
        ? 'it has come to its end: create a new changefeed'
        : `it has come to its end; a new changefeed goes on from there: CREATE CHANGEFEED … WITH cursor = '${highWater}'`
    case 'failed':
      return `SHOW JOB ${id} shows its error and, as running_status, what to do; then create a new changefeed`
    case 'running':
    case 'paused':
      return undefined
  }
}
