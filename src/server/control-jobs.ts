// PAUSE, RESUME and CANCEL JOB(S).

import { FeedError } from '../errors/feed-error.ts'
import type { JobRegistry } from '../jobs/registry.ts'
import { showJobsWhenCompleteSql, showJobsSql, showTheseJobsSql } from '../jobs/jobs-view.ts'
import type { LocalCall, LocalStatement } from '../pg-server/local-statement.ts'
import { textOf } from '../plan/read-options.ts'
import type { ControlJobs, JobIds, ShowJobs, Value } from '../sql/ast.ts'
import { int8Oid } from './create-job.ts'
import { literal } from './show-sql.ts'

/** `expand`: replaces `[SHOW …]` in a SELECT. */
export function controlJobs(
  { verb, ids }: ControlJobs,
  jobs: JobRegistry,
  expand: (sql: string) => string,
): LocalStatement {
  return {
    parameterTypes: placeholderTypes(ids),
    columns: undefined,
    async run(call) {
      const given =
        ids.tag === 'values' ? ids.values.map((value) => idOf(value, call)) : await selected(ids.sql, call, expand)
      await jobs.request(given, verb)
      return `${verb.toUpperCase()} JOBS ${given.length}`
    },
  }
}

/** SHOW JOBS in all its forms, as a SELECT. */
export function showJobsStatementSql({ ids, whenComplete }: ShowJobs, expand: (sql: string) => string): string {
  if (ids === undefined) return showJobsSql
  const set =
    ids.tag === 'select' ? expand(ids.sql) : `VALUES ${ids.values.map((value) => `(${valueSql(value)})`).join(', ')}`
  return whenComplete ? showJobsWhenCompleteSql(set) : showTheseJobsSql(set)
}

function valueSql(value: Value): string {
  return value.tag === 'placeholder' ? `$${value.index}::int8` : `${literal(value.text)}::int8`
}

function placeholderTypes(ids: JobIds): number[] {
  if (ids.tag === 'select') return []
  const most = ids.values.reduce((n, value) => (value.tag === 'placeholder' ? Math.max(n, value.index) : n), 0)
  return Array.from({ length: most }, () => int8Oid)
}

function idOf(value: Value, { parameters }: LocalCall): string {
  const text = textOf(value, parameters) ?? ''
  if (/^\d{1,19}$/.test(text)) return text
  throw new FeedError('FEED_SYNTAX', `could not parse "${text}" as type int: a job is named by its id`, {
    sqlstate: '22P02',
    position: value.position + 1,
    hint: 'SHOW JOBS lists the jobs',
  })
}

async function selected(sql: string, { session }: LocalCall, expand: (sql: string) => string): Promise<string[]> {
  const rows = await session.queryBackend(`SELECT * FROM (${expand(sql)}) AS asked`)
  if (rows.some((row) => row.length !== 1)) {
    throw new FeedError('FEED_SYNTAX', 'the query must give one column, the ids of jobs', { sqlstate: '42601' })
  }
  return rows.flatMap(([id]) => id ?? [])
}
