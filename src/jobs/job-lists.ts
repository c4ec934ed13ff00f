// Queries about jobs that this server does not run: which of them still need tables and changes.

import type { FeedTarget } from '../core/feed-spec.ts'
import type { JobProgress } from '../core/job-progress.ts'
import type { State } from '../core/state.ts'
import { createdMsSql, isLive, isUnfinished, unawaited } from './job-table.ts'
import { readPayload } from './payload-record.ts'
import { readProgress } from './progress-record.ts'
import { isReadable } from './record-version.ts'

export interface RestingJob {
  readonly database: string
  readonly progress: JobProgress
}

export interface PausedJob extends RestingJob {
  readonly id: string
  readonly scope: string | undefined
  readonly targets: readonly FeedTarget[]
  readonly createdMs: number
}

export interface UnfinishedJob {
  readonly id: string
  readonly database: string
  readonly relids: readonly number[]
}

/**
 * Returns the progress of the jobs that no server runs now and that will still read the changelog. Throws if the progress of one
 * of them cannot be read, because it is unknown then which changes this job still needs.
 */
export async function restingProgress({ query, schema }: State): Promise<readonly RestingJob[]> {
  const rows = await query(
    `SELECT job_id::text, payload, progress FROM ${schema}.jobs
     WHERE ${isUnfinished} AND (NOT ${isLive} OR NOT ${isReadable})`,
    [],
  )
  return rows.map(([jobId, payload, progress]) => {
    const id = jobId ?? ''
    return { database: readPayload(payload ?? '', id).spec.database, progress: readProgress(progress ?? '', id) }
  })
}

/** Returns the paused jobs that this version can read. */
export async function pausedJobs({ query, schema }: State): Promise<readonly PausedJob[]> {
  const rows = await query(
    `SELECT job_id::text, payload, progress, ${createdMsSql} FROM ${schema}.jobs
     WHERE CASE WHEN ${isUnfinished} AND NOT ${isLive} THEN ${isReadable} ELSE false END`,
    [],
  )
  return rows.map(([jobId, payload, progress, createdMs]) => {
    const id = jobId ?? ''
    const { database, scope, targets } = readPayload(payload ?? '', id).spec
    return { id, database, scope, targets, progress: readProgress(progress ?? '', id), createdMs: Number(createdMs) }
  })
}

/** Returns the jobs that are not over, with their tables. Throws if one of them cannot be read. */
export async function unfinishedJobs({ query, schema }: State): Promise<readonly UnfinishedJob[]> {
  const rows = await query(`SELECT job_id::text, payload FROM ${schema}.jobs WHERE ${isUnfinished}`, [])
  return rows.map(([jobId, payload]) => {
    const id = jobId ?? ''
    const { spec } = readPayload(payload ?? '', id)
    return { id, database: spec.database, relids: spec.targets.map(({ relid }) => relid) }
  })
}

export async function pruneJobs({ query, schema }: State, retentionMs: number): Promise<void> {
  await query(`DELETE FROM ${schema}.jobs WHERE finished < clock_timestamp() - $1::interval RETURNING ${unawaited}`, [
    `${retentionMs} milliseconds`,
  ])
}
