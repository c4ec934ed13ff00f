// SHOW JOBS and SHOW JOB in all their forms.

import { quoteString } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { JobRights } from '../../jobs/job-rights.ts'
import { showJobsSql, showTheseJobsSql } from '../../jobs/job-columns.ts'
import { jobsView, showJobsWhenCompleteSql } from '../../jobs/jobs-view.ts'
import type { BackendQuery } from '../../pg-server/local-statement.ts'
import type { ShowJobs, Value } from '../../sql/ast.ts'
import { currentUser } from './current-user.ts'
import { checkId } from './job-id.ts'

/** Returns the SELECT over `jobs` that answers the statement. `expand` replaces `[SHOW …]` in a SELECT. */
export function showJobsStatementSql(
  { ids, whenComplete }: ShowJobs,
  jobs: string,
  expand: (sql: string) => string,
): string {
  if (ids === undefined) return showJobsSql(jobs)
  const set =
    ids.tag === 'select' ? expand(ids.sql) : `VALUES ${ids.values.map((value) => `(${valueSql(value)})`).join(', ')}`
  if (!whenComplete) return showTheseJobsSql(jobs, set)
  if (jobs === jobsView) return showJobsWhenCompleteSql(set)
  throw new FeedError('FEED_UNSUPPORTED', 'SHOW JOBS WHEN COMPLETE cannot stand in a SELECT here', {
    hint: 'run it as a statement of its own, and then the SELECT with SHOW JOBS',
  })
}

/** Throws if a job that SHOW JOB names does not exist, or the reader may not see it. Ids in placeholders are not checked. */
export async function checkJobsThere({ ids }: ShowJobs, query: BackendQuery, rights: JobRights): Promise<void> {
  if (ids?.tag !== 'values') return
  const named = ids.values.flatMap((value) =>
    value.tag === 'placeholder' ? [] : { id: checkId(value.text, value.position + 1), position: value.position + 1 },
  )
  if (named.length === 0) return
  const user = await currentUser(query)
  const seen = await rights.jobsSeenBy(
    user,
    named.map(({ id }) => id),
  )
  const missing = named.find(({ id }) => !seen.has(id))
  if (missing === undefined) return
  throw new FeedError('FEED_STATE', `job with ID ${missing.id} does not exist`, {
    sqlstate: '42704',
    position: missing.position,
    hint: 'SHOW JOBS lists the jobs',
  })
}

function valueSql(value: Value): string {
  return value.tag === 'placeholder' ? `$${value.index}::int8` : `${quoteString(value.text)}::int8`
}
