// What the server asks of jobs that it does not run: which still need tables and changes, and which are long over.

import type { JobProgress } from '../core/job-progress.ts'
import { fromJson } from './job-json.ts'
import { live, type JobsQuery } from './job-table.ts'
import type { StoredPayload } from './jobs.ts'

export interface PausedJob {
  readonly database: string
  readonly progress: JobProgress
}

export interface UnfinishedJob {
  readonly id: string
  readonly database: string
  readonly relids: readonly number[]
}

/** From where on paused jobs have still to read the log. */
export async function pausedProgress(query: JobsQuery): Promise<readonly PausedJob[]> {
  const rows = await query(`SELECT payload, progress FROM changefeed.jobs WHERE status = 'paused'`, [])
  return rows.map(([payload, progress]) => ({
    database: fromJson<StoredPayload>(payload ?? '').spec.database,
    progress: fromJson<JobProgress>(progress ?? ''),
  }))
}

/** The jobs that are not over, with their tables. */
export async function unfinishedJobs(query: JobsQuery): Promise<readonly UnfinishedJob[]> {
  const rows = await query(
    `SELECT job_id::text, payload FROM changefeed.jobs WHERE status = 'paused' OR status IN ${live}`,
    [],
  )
  return rows.map(([id, payload]) => {
    const { spec } = fromJson<StoredPayload>(payload ?? '')
    return { id: id ?? '', database: spec.database, relids: spec.targets.map(({ relid }) => relid) }
  })
}

export async function pruneJobs(query: JobsQuery, retentionMs: number): Promise<void> {
  await query(`DELETE FROM changefeed.jobs WHERE finished < clock_timestamp() - $1::interval`, [
    `${retentionMs} milliseconds`,
  ])
}
