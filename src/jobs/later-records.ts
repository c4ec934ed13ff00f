// Jobs that this server cannot run: those that a later version of the program has written, and those of another store. No such
// server claims them, so they keep their progress and wait. SHOW JOBS says why, and PAUSE and CANCEL have their usual effect.

import type { State } from '../core/state.ts'
import { isLive, unawaited } from './job-table.ts'
import type { JobStatus } from './jobs.ts'
import { isSealedWith } from './payload-seal.ts'
import { isReadable } from './record-version.ts'
import { endOf, finalStatuses, inSql, statuses, stopReason } from './transitions.ts'

export interface RefusedJob {
  readonly id: string
  readonly status: JobStatus
  readonly reason: string
}

const ofLaterVersion =
  'a later version of pg-changefeed has written it; it goes on when that version, or a later one, is started'
const ofOtherStore =
  'a server with another store has made it, and only that store has its changelog and the key of its credentials (jobs.key); it goes on when that server is started; if the store is lost, CANCEL JOB and create the changefeed again with an initial scan'

const next = `CASE status ${statuses.map((status) => `WHEN '${status}' THEN '${unrun(status)}'`).join(' ')} END`
const isOver = `${next} IN ${inSql(finalStatuses)}`

/**
 * Writes why these jobs do not run, and does what was requested of them, in one statement. Returns the jobs that it has changed.
 * `key`: the id of the key of this store; undefined: all jobs are of this store.
 */
export async function refuseJobs({ query, schema }: State, key: string | undefined): Promise<readonly RefusedJob[]> {
  const reason = `CASE WHEN ${isReadable} THEN $2 ELSE $1 END`
  const rows = await query(
    `UPDATE ${schema}.jobs SET status = ${next}, running_status = CASE WHEN ${isOver} THEN NULL ELSE 'waiting: ' || ${reason} END,
       claimed_by = NULL, lease_until = NULL, modified = clock_timestamp(),
       finished = CASE WHEN ${isOver} THEN clock_timestamp() END
     WHERE ${isLive} AND (${next} <> status OR running_status IS DISTINCT FROM 'waiting: ' || ${reason})
       AND CASE WHEN claimed_by IS NULL OR lease_until < clock_timestamp() THEN NOT (${isReadable} AND ${isSealedWith('$3')}) ELSE false END
     RETURNING job_id::text, status, ${reason}, ${unawaited}`,
    [ofLaterVersion, ofOtherStore, key ?? null],
  )
  return rows.map(([id, status, reason]) => ({ id: id ?? '', status: status as JobStatus, reason: reason ?? '' }))
}

/** Returns the next status of a job that no server runs. */
function unrun(status: JobStatus): JobStatus {
  const reason = stopReason(status)
  return reason === undefined ? status : endOf[reason]
}
