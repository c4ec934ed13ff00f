// PAUSE, RESUME and CANCEL as statements on the table of jobs. They check who may control a job; transitions.ts says which request a
// status allows.

import { FeedError } from '../errors/feed-error.ts'
import type { State } from '../core/state.ts'
import type { JobControl, JobRights } from './job-rights.ts'
import { list } from './job-table.ts'
import type { JobStatus, JobVerb } from './jobs.ts'
import { resumeHint } from './resume-hint.ts'
import { runningStatusSql } from './running-status.ts'
import { acceptedIn, changedBy, nextStatusSql, transitions } from './transitions.ts'

export interface JobRequest {
  readonly ids: readonly string[]
  readonly verb: JobVerb
  /** The user who must have the right to control the jobs; undefined if the server itself makes the request. */
  readonly user?: string | undefined
}

export interface RequestOptions {
  readonly state: State
  readonly rights: Pick<JobRights, 'controlOf'>
}

/** The columns that a request sets in addition to the status. */
const alsoSets: Readonly<Record<JobVerb, string>> = {
  pause: '',
  resume: `, running_status = ${runningStatusSql('progress', 'high_water')}, error = '', claimed_by = NULL`,
  cancel: '',
}

/** Changes all jobs or none: if one job refuses the request, the others do not change either. */
export async function requestJobs(options: RequestOptions, { ids, verb, user }: JobRequest): Promise<void> {
  const { query, schema } = options.state
  const control = user === undefined ? undefined : await controlOf(options, ids, user)
  const rows = await query(
    `WITH asked AS MATERIALIZED (
         SELECT job_id, status, high_water AS reached, $3::text IS NULL OR user_name IN (SELECT json_array_elements_text($3::json)) AS may
         FROM ${schema}.jobs WHERE job_id = ANY ($1::int8[]) ORDER BY job_id FOR UPDATE
       ), able AS (
         SELECT job_id FROM asked WHERE status = ANY ($2::text[]) AND may
       ), changed AS (
         UPDATE ${schema}.jobs SET status = ${nextStatusSql(verb, 'jobs.status')}${alsoSets[verb]}, modified = clock_timestamp() FROM asked
         WHERE jobs.job_id = asked.job_id AND asked.status = ANY ($4::text[])
           AND (SELECT count(*) FROM able) = cardinality($1::int8[])
       )
       SELECT job_id::text, status, may::text, reached::text FROM asked`,
    [
      list(ids),
      list(acceptedIn(verb)),
      control === undefined ? null : JSON.stringify([...control.owners]),
      list(changedBy(verb)),
    ],
  )
  const jobs = new Map(
    rows.map(([id, status, may, highWater = null]) => [
      id,
      { status: status as JobStatus, may: may === 'true', highWater },
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
      const message =
        control?.isController === true
          ? 'only admins can control jobs owned by other admins'
          : `user ${user} does not have privileges for job ${id}`
      throw new FeedError('FEED_PRIVILEGE', message, {
        detail: `the job is ${id}`,
        hint: 'an admin, the user who created it and members of that role may control it; GRANT controljob TO … is for the jobs of all but admins',
      })
    }
    const next = transitions[job.status][verb]
    if (typeof next === 'string') continue
    const hint = verb === 'resume' ? resumeHint({ id, ...job }) : undefined
    throw new FeedError('FEED_STATE', `job ${id} with status ${job.status} ${next.refused}`, { hint })
  }
}

/** The user of a job never changes, so the rights can be asked for before the jobs are locked. */
async function controlOf({ state, rights }: RequestOptions, ids: readonly string[], user: string): Promise<JobControl> {
  const owners = await state.query(
    `SELECT DISTINCT user_name FROM ${state.schema}.jobs WHERE job_id = ANY ($1::int8[])`,
    [list(ids)],
  )
  return rights.controlOf(
    user,
    owners.map(([owner]) => owner ?? ''),
  )
}
