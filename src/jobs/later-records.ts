// Jobs that a later version of the program has written. No server of this version claims them, so they keep their progress and
// wait. SHOW JOBS says why, and PAUSE and CANCEL have their usual effect.

import { isLive, type JobsQuery } from './job-table.ts'
import type { JobStatus } from './jobs.ts'
import { isReadable } from './record-version.ts'
import { endOf, finalStatuses, inSql, statuses, stopReason } from './transitions.ts'

export interface RefusedJob {
  readonly id: string
  readonly status: JobStatus
  readonly reason: string
}

const reason =
  'a later version of pg-changefeed has written it; it goes on when that version, or a later one, is started'

const next = `CASE status ${statuses.map((status) => `WHEN '${status}' THEN '${unrun(status)}'`).join(' ')} END`
const isOver = `${next} IN ${inSql(finalStatuses)}`

/** Writes why these jobs do not run, and does what was requested of them, in one statement. Returns the jobs that it has changed. */
export async function refuseLaterRecords(query: JobsQuery): Promise<readonly RefusedJob[]> {
  const rows = await query(
    `UPDATE changefeed.jobs SET status = ${next}, running_status = CASE WHEN ${isOver} THEN NULL ELSE $1 END,
       claimed_by = NULL, lease_until = NULL, modified = clock_timestamp(),
       finished = CASE WHEN ${isOver} THEN clock_timestamp() END
     WHERE ${isLive} AND (${next} <> status OR running_status IS DISTINCT FROM $1)
       AND CASE WHEN claimed_by IS NULL OR lease_until < clock_timestamp() THEN NOT ${isReadable} ELSE false END
     RETURNING job_id::text, status`,
    [`waiting: ${reason}`],
  )
  return rows.map(([id, status]) => ({ id: id ?? '', status: status as JobStatus, reason }))
}

/** Returns the next status of a job that no server runs. */
function unrun(status: JobStatus): JobStatus {
  const reason = stopReason(status)
  return reason === undefined ? status : endOf[reason]
}
