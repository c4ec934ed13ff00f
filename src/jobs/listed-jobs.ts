// The jobs that a user may see, a page at a time, for who shows them outside of SQL. SHOW JOBS has the same columns and the same rule.

import type { StoredPayload } from './jobs.ts'
import type { State } from '../core/state.ts'
import type { JobRights } from './job-rights.ts'
import { isUnfinished, list } from './job-table.ts'
import { readPayload } from './payload-record.ts'

export interface ListedJob {
  readonly id: string
  readonly description: string
  readonly user: string
  readonly status: string
  readonly runningStatus: string | null
  readonly createdMs: number
  readonly startedMs: number
  readonly modifiedMs: number
  readonly finishedMs: number | null
  readonly fraction: number | null
  /** With a point and ten digits of the logical part. */
  readonly highWater: string | null
  readonly error: string
  /** Undefined: a later version of the program has written it, or it was not asked for. */
  readonly spec: StoredPayload['spec'] | undefined
}

export interface JobFilter {
  /** Undefined: every status. */
  readonly statuses?: readonly string[] | undefined
  readonly ids?: readonly string[] | undefined
  /** In the description, the id or the name of the user, in any case of letters. */
  readonly text?: string | undefined
  /** Without what the jobs read, which is large. */
  readonly hasSpec?: boolean
  /** Only those that run or may run again. */
  readonly isUnfinished?: boolean
  readonly limit: number
  readonly offset?: number
}

export interface JobPage {
  readonly jobs: readonly ListedJob[]
  readonly total: number
}

export interface ListedJobsOptions {
  readonly state: State
  readonly rights: Pick<JobRights, 'seenOwners'>
}

const ms = (column: string): string => `round(extract(epoch FROM ${column}) * 1000)::text`

const columns = `job_id::text, description, user_name, status, running_status, ${ms('created')}, ${ms('started')}, ${ms('modified')},
  ${ms('finished')}, fraction_completed::text, high_water::text, error`

export class ListedJobs {
  readonly #options: ListedJobsOptions

  constructor(options: ListedJobsOptions) {
    this.#options = options
  }

  /** The newest come first. */
  async page(user: string, filter: JobFilter): Promise<JobPage> {
    const { query, schema } = this.#options.state
    const { statuses, ids, text, isUnfinished: onlyUnfinished = false, hasSpec = true, limit, offset = 0 } = filter
    const parameters = [
      await this.#seenBy(user),
      statuses === undefined ? null : JSON.stringify(statuses),
      ids === undefined ? null : list(ids),
      text ?? null,
    ]
    const where = `user_name IN (SELECT json_array_elements_text($1::json))
       AND ($2::text IS NULL OR status IN (SELECT json_array_elements_text($2::json)))
       AND ($3::text IS NULL OR job_id = ANY ($3::int8[]))
       AND ($4::text IS NULL OR strpos(lower(concat_ws(' ', description, job_id, user_name)), lower($4::text)) > 0)
       ${onlyUnfinished ? `AND ${isUnfinished}` : ''}`
    const [rows, [count] = []] = await Promise.all([
      query(
        `SELECT ${columns}, ${hasSpec ? 'payload' : 'NULL'} FROM ${schema}.jobs WHERE ${where}
         ORDER BY created DESC, job_id DESC LIMIT ${Math.trunc(limit)} OFFSET ${Math.trunc(offset)}`,
        parameters,
      ),
      query(`SELECT count(*)::text FROM ${schema}.jobs WHERE ${where}`, parameters),
    ])
    return { jobs: rows.map(listed), total: Number(count?.[0] ?? 0) }
  }

  /** The ids of all jobs that the user may see. */
  async ids(user: string): Promise<ReadonlySet<string>> {
    const { query, schema } = this.#options.state
    const rows = await query(
      `SELECT job_id::text FROM ${schema}.jobs WHERE user_name IN (SELECT json_array_elements_text($1::json))`,
      [await this.#seenBy(user)],
    )
    return new Set(rows.flatMap(([id]) => id ?? []))
  }

  /** How many jobs that the user may see have each status. */
  async counts(user: string): Promise<Readonly<Record<string, number>>> {
    const { query, schema } = this.#options.state
    const rows = await query(
      `SELECT status, count(*)::text FROM ${schema}.jobs WHERE user_name IN (SELECT json_array_elements_text($1::json)) GROUP BY status`,
      [await this.#seenBy(user)],
    )
    return Object.fromEntries(rows.map(([status, count]) => [status ?? '', Number(count)]))
  }

  async #seenBy(user: string): Promise<string> {
    const { state, rights } = this.#options
    const owners = await state.query(`SELECT DISTINCT user_name FROM ${state.schema}.jobs`, [])
    const seen = await rights.seenOwners(
      user,
      owners.map(([owner]) => owner ?? ''),
    )
    return JSON.stringify([...seen])
  }
}

function listed(row: readonly (string | null)[]): ListedJob {
  const [id, description, user, status, runningStatus, created, started, modified, finished, fraction, highWater] = row
  const [error, payload] = row.slice(11)
  return {
    id: id ?? '',
    description: description ?? '',
    user: user ?? '',
    status: status ?? '',
    runningStatus: runningStatus ?? null,
    createdMs: Number(created),
    startedMs: Number(started),
    modifiedMs: Number(modified),
    finishedMs: finished == null ? null : Number(finished),
    fraction: fraction == null ? null : Number(fraction),
    highWater: highWater ?? null,
    error: error ?? '',
    spec: payload == null ? undefined : specOf(payload, id ?? ''),
  }
}

function specOf(payload: string, id: string): StoredPayload['spec'] | undefined {
  try {
    return readPayload(payload, id).spec
  } catch {
    return undefined
  }
}
