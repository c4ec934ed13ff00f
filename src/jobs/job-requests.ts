// PAUSE, RESUME and CANCEL as statements on the table of jobs. They check who may control a job; transitions.ts says which request a
// status allows.

import { FeedError } from '../errors/feed-error.ts'
import { list, type JobsQuery } from './job-table.ts'
import type { JobStatus, JobVerb } from './jobs.ts'
import { runningStatusSql } from './running-status.ts'
import { acceptedIn, changedBy, nextStatusSql, transitions } from './transitions.ts'

export interface JobRequest {
  readonly ids: readonly string[]
  readonly verb: JobVerb
  /** The user who must have the right to control the jobs; undefined if the server itself makes the request. */
  readonly user?: string | undefined
}

/** The columns that a request sets in addition to the status. */
const alsoSets: Readonly<Record<JobVerb, string>> = {
  pause: '',
  resume: `, running_status = ${runningStatusSql('progress', 'high_water')}, error = '', claimed_by = NULL`,
  cancel: '',
}

/** Changes all jobs or none: if one job refuses the request, the others do not change either. */
export async function requestJobs(query: JobsQuery, { ids, verb, user }: JobRequest): Promise<void> {
  const rows = await query(
    `WITH asked AS MATERIALIZED (
         SELECT job_id, status, user_name, $3::text IS NULL OR changefeed.may_control($3, user_name) AS may
         FROM changefeed.jobs WHERE job_id = ANY ($1::int8[]) ORDER BY job_id FOR UPDATE
       ), able AS (
         SELECT job_id FROM asked WHERE status = ANY ($2::text[]) AND may
       ), changed AS (
         UPDATE changefeed.jobs SET status = ${nextStatusSql(verb, 'jobs.status')}${alsoSets[verb]}, modified = clock_timestamp() FROM asked
         WHERE jobs.job_id = asked.job_id AND asked.status = ANY ($4::text[])
           AND (SELECT count(*) FROM able) = cardinality($1::int8[])
       )
       SELECT job_id::text, status, may::text, changefeed.has_role($3, 'controljob')::text FROM asked`,
    [list(ids), list(acceptedIn(verb)), user ?? null, list(changedBy(verb))],
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
    const next = transitions[job.status][verb]
    if (typeof next === 'string') continue
    throw new FeedError('FEED_STATE', `job ${id} with status ${job.status} ${next.refused}`)
  }
}
