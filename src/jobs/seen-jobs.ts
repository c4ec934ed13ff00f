// The jobs that a user may see, read from the table of jobs, as values for a SELECT. Where the databases of the users are not ours,
// there is no view of jobs in them.

import { quoteString } from '../core/quote.ts'
import type { State } from '../core/state.ts'
import { jobColumns } from './job-columns.ts'
import { isUnfinished, list } from './job-table.ts'
import type { JobRights } from './job-rights.ts'

/** The values of a job in the order of `jobColumns`, as text. */
export type SeenJob = readonly (string | null)[]

export interface SeenJobsOptions {
  readonly state: State
  readonly rights: Pick<JobRights, 'seenOwners'>
}

const ownerAt = jobColumns.findIndex(({ name }) => name === 'user_name')
const selected = jobColumns.map(({ from }) => `(${from})::text`).join(', ')

export class SeenJobs {
  readonly #options: SeenJobsOptions

  constructor(options: SeenJobsOptions) {
    this.#options = options
  }

  /** Returns the jobs that the user may see. */
  async of(user: string): Promise<readonly SeenJob[]> {
    const { state, rights } = this.#options
    const rows = await state.query(`SELECT ${selected} FROM ${state.schema}.jobs`, [])
    const seen = await rights.seenOwners(user, [...new Set(rows.map((row) => row[ownerAt] ?? ''))])
    return rows.filter((row) => seen.has(row[ownerAt] ?? ''))
  }

  /** Whether one of the jobs has not ended. */
  async areUnfinished(ids: readonly string[]): Promise<boolean> {
    const { query, schema } = this.#options.state
    const rows = await query(
      `SELECT 1::text FROM ${schema}.jobs WHERE job_id = ANY ($1::int8[]) AND ${isUnfinished} LIMIT 1`,
      [list(ids)],
    )
    return rows.length > 0
  }
}

/** A relation for the FROM of a SELECT. `isPlain`: only ASCII, because the session may read or hold other characters differently. */
export function jobsRelation(jobs: readonly SeenJob[], isPlain: boolean): string {
  const names = jobColumns.map(({ name }) => name).join(', ')
  const value = (text: string | null | undefined): string =>
    text == null ? 'NULL' : quoteString(isPlain ? text.replace(/\P{ASCII}/gu, '?') : text)
  // The first row gives the columns their types, also where there is no job.
  const types = `(${jobColumns.map(({ type }) => `NULL::pg_catalog.${type}`).join(', ')})`
  const rows = jobs.map((job) => `(${job.map(value).join(', ')})`)
  return `(SELECT * FROM (VALUES ${[types, ...rows].join(', ')}) AS listed (${names}) WHERE job_id IS NOT NULL) AS jobs`
}
