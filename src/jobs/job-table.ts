// The table of jobs, and what all statements on it have in common.

import { formatHlc, type Hlc } from '../core/hlc.ts'
import type { State, StateSchema } from '../core/state.ts'
import { finalStatuses, inSql, liveStatuses } from './transitions.ts'

const tableSql = (schema: StateSchema): string => `CREATE TABLE IF NOT EXISTS ${schema}.jobs (
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

/** When a job was created, in ms since 1970. */
export const createdMsSql = `(extract(epoch FROM created) * 1000)::int8::text`

/**
 * For RETURNING, in what a server writes for itself: where `synchronous_standby_names` names standbys and none is there, it is committed all the
 * same. After a fail-over, what is missing of it is done once more. What users ask for waits for the standbys.
 */
export const unawaited = `pg_catalog.set_config('synchronous_commit', 'local', true)`

/** Creates the table and the counter of ids if they are missing. */
export async function makeJobTable({ query, schema }: State): Promise<void> {
  const [row] = await query(`SELECT to_regclass('${schema}.jobs')::text, to_regclass('${schema}.job_ids')::text`, [])
  const [table, ids] = row ?? []
  if (table == null) await query(tableSql(schema), [])
  if (ids == null) await query(`CREATE SEQUENCE IF NOT EXISTS ${schema}.job_ids CYCLE`, [])
}

/**
 * A SELECT of a new id: ticks of 10 µs since 2015-01-01, followed by 15 bits of the counter, as for CockroachDB's unique_rowid().
 * Several servers may make jobs in one table.
 */
export function newIdSql(schema: StateSchema): string {
  return `SELECT (((((extract(epoch FROM clock_timestamp()) - 1420070400) * 100000)::int8) << 15)
    | (nextval('${schema}.job_ids') & 32767))::text`
}

/** Returns an array in SQL of words or numbers that need no quotes. */
export function list(items: readonly string[]): string {
  return `{${items.join(',')}}`
}

export function decimal(at: Hlc | undefined): string | null {
  return at === undefined ? null : formatHlc(at)
}
