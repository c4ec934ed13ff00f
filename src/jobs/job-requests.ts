// PAUSE, RESUME and CANCEL as statements on the table of jobs: what may be asked of a job in which state, and by whom.

import { FeedError } from '../errors/feed-error.ts'
import { list, type JobsQuery } from './job-table.ts'
import type { JobStatus, JobVerb } from './jobs.ts'

export interface JobRequest {
  readonly ids: readonly string[]
  readonly verb: JobVerb
  /** Who must have the right; undefined: the server itself. */
  readonly user?: string | undefined
}

interface Rule {
  readonly from: readonly JobStatus[]
  /** States in which the verb has nothing left to do. */
  readonly already: readonly JobStatus[]
  readonly set: string
  /** A job in another state cannot be … */
  readonly what: string
}

const requests: Readonly<Record<JobVerb, Rule>> = {
  pause: {
    from: ['running'],
    already: ['paused', 'pause-requested'],
    set: `status = 'pause-requested'`,
    what: 'requested to be paused',
  },
  resume: {
    from: ['paused'],
    already: ['running'],
    set: `status = 'running', running_status = NULL, error = '', claimed_by = NULL`,
    what: 'resumed',
  },
  cancel: {
    from: ['running', 'pause-requested', 'paused'],
    already: ['canceled', 'cancel-requested'],
    set: `status = 'cancel-requested'`,
    what: 'requested to be canceled',
  },
}

/** All or none: what one job refuses leaves the others as they are. `user`: who must have the right, if anybody. */
export async function requestJobs(query: JobsQuery, { ids, verb, user }: JobRequest): Promise<void> {
  const { from, already, set, what } = requests[verb]
  const rows = await query(
    `WITH asked AS MATERIALIZED (
         SELECT job_id, status, user_name, $3::text IS NULL OR changefeed.may_control($3, user_name) AS may
         FROM changefeed.jobs WHERE job_id = ANY ($1::int8[]) ORDER BY job_id FOR UPDATE
       ), able AS (
         SELECT job_id FROM asked WHERE status = ANY ($2::text[]) AND may
       ), changed AS (
         UPDATE changefeed.jobs SET ${set}, modified = clock_timestamp() FROM asked
         WHERE jobs.job_id = asked.job_id AND asked.status = ANY ($4::text[])
           AND (SELECT count(*) FROM able) = cardinality($1::int8[])
       )
       SELECT job_id::text, status, may::text, changefeed.has_role($3, 'controljob')::text FROM asked`,
    [list(ids), list([...from, ...already]), user ?? null, list(from)],
  )
  const jobs = new Map(
    rows.map(([id, status, may, isController]) => [
      id,
      { status: status as JobStatus, may: may === 'true', isController: isController === 'true' },
    ]),
  )
  for (const id of ids) {
    const job = jobs.get(id)
    if (job === undefined) {
      throw new FeedError('FEED_STATE', `job with ID ${id} does not exist`, {
        sqlstate: '42704',
        hint: 'SHOW JOBS lists the jobs',
      })
    }
    if (!job.may) {
      const message = job.isController
        ? 'only admins can control jobs owned by other admins'
        : `user ${user} does not have privileges for job ${id}`
      throw new FeedError('FEED_PRIVILEGE', message, {
        detail: `the job is ${id}`,
        hint: 'an admin, the user who created it and members of that role may control it; GRANT controljob TO … is for the jobs of all but admins',
      })
    }
    if (from.includes(job.status) || already.includes(job.status)) continue
    throw new FeedError('FEED_STATE', `job ${id} with status ${job.status} cannot be ${what}`)
  }
}
