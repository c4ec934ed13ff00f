// The table of jobs, and what all statements on it have in common.

import { formatHlc, type Hlc } from '../core/hlc.ts'
import { finalStatuses, inSql, liveStatuses } from './transitions.ts'

/** Runs a statement in the system database and returns its rows as text. */
export type JobsQuery = (
  sql: string,
  parameters: readonly (string | null)[],
) => Promise<readonly (readonly (string | null)[])[]>

const tableSql = `CREATE TABLE IF NOT EXISTS changefeed.jobs (
  job_id int8 PRIMARY KEY,
  job_type text NOT NULL DEFAULT 'CHANGEFEED',
  description text NOT NULL,
  user_name text NOT NULL,
  status text NOT NULL,
  running_status text,
  created timestamptz NOT NULL DEFAULT clock_timestamp(),
  started timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished timestamptz,
  modified timestamptz NOT NULL DEFAULT clock_timestamp(),
  fraction_completed float4,
  high_water numeric(40, 10),
  error text NOT NULL DEFAULT '',
  payload text NOT NULL,
  progress text NOT NULL,
  claimed_by text,
  epoch int8 NOT NULL DEFAULT 0,
  lease_until timestamptz
)`

/** A condition in SQL: a server runs the job, or has to claim it. */
export const isLive = `status IN ${inSql(liveStatuses)}`

/** A condition in SQL: the job runs or may run again. */
export const isUnfinished = `status NOT IN ${inSql(finalStatuses)}`

export async function makeJobTable(query: JobsQuery): Promise<void> {
  const [row] = await query(`SELECT to_regclass('changefeed.jobs')::text`, [])
  if (row?.[0] == null) await query(tableSql, [])
}

/** Returns an array in SQL of words or numbers that need no quotes. */
export function list(items: readonly string[]): string {
  return `{${items.join(',')}}`
}

export function decimal(at: Hlc | undefined): string | null {
  return at === undefined ? null : formatHlc(at)
}
