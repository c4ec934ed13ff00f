// PAUSE, RESUME and CANCEL JOB(S): for whoever may control the jobs (jobs/rights-sql.ts).

import { quoteString } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { JobRights } from '../../jobs/job-rights.ts'
import type { JobRegistry } from '../../jobs/registry.ts'
import { showJobsWhenCompleteSql, showJobsSql, showTheseJobsSql } from '../../jobs/jobs-view.ts'
import type { BackendQuery, LocalCall, LocalStatement } from '../../pg-server/local-statement.ts'
import { textOf } from '../../plan/read-options.ts'
import type { ControlJobs, JobIds, ShowJobs, Value } from '../../sql/ast.ts'
import { typeOids } from '../../wire/type-oids.ts'
import { currentUser } from './catalogue-queries.ts'
import { selectIds, selectParameterTypes, type ExpandSelect } from './select-ids.ts'

const maxInt8 = 0x7fffffffffffffffn

export function controlJobs({ verb, ids }: ControlJobs, jobs: JobRegistry, expand: ExpandSelect): LocalStatement {
  return {
    parameterTypes: ids.tag === 'select' ? selectParameterTypes(ids.sql) : placeholderTypes(ids.values),
    columns: undefined,
    async run(call) {
      const given = [...new Set(await idsOf(ids, call, expand))]
      const user = await currentUser(call.session)
      const word = verb.toUpperCase()
      await jobs.request(given, verb, user)
      if (call.session.transactionStatus === 'T') {
        call.notice('WARNING', `${word} JOB takes effect at once: a ROLLBACK will not undo it`)
      }
      return `${word} JOBS ${given.length}`
    },
  }
}

async function idsOf(ids: JobIds, call: LocalCall, expand: ExpandSelect): Promise<string[]> {
  if (ids.tag === 'values') {
    return ids.values.map((value) => checkId(textOf(value, call.parameters), value.position + 1))
  }
  const found = await selectIds(ids.sql, call, { expand, what: 'the ids of jobs' })
  return found.map((text) => checkId(text, undefined))
}

/** SHOW JOBS in all its forms, as a SELECT. `expand`: replaces `[SHOW …]` in a SELECT. */
export function showJobsStatementSql({ ids, whenComplete }: ShowJobs, expand: (sql: string) => string): string {
  if (ids === undefined) return showJobsSql
  const set =
    ids.tag === 'select' ? expand(ids.sql) : `VALUES ${ids.values.map((value) => `(${valueSql(value)})`).join(', ')}`
  return whenComplete ? showJobsWhenCompleteSql(set) : showTheseJobsSql(set)
}

/** Throws where a job that SHOW JOB names is not there, or not for the reader to see. A placeholder's is not known yet. */
export async function checkJobsThere({ ids }: ShowJobs, query: BackendQuery, rights: JobRights): Promise<void> {
  if (ids?.tag !== 'values') return
  const named = ids.values.flatMap((value) =>
    value.tag === 'placeholder' ? [] : { id: checkId(value.text, value.position + 1), position: value.position + 1 },
  )
  if (named.length === 0) return
  const user = await currentUser({ queryBackend: query })
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

function placeholderTypes(values: readonly Value[]): number[] {
  const most = values.reduce((n, value) => (value.tag === 'placeholder' ? Math.max(n, value.index) : n), 0)
  return Array.from({ length: most }, () => typeOids.int8)
}

/** `text`: undefined for NULL. */
function checkId(text: string | undefined, position: number | undefined): string {
  const hint = 'SHOW JOBS lists the jobs'
  if (text === undefined) throw new FeedError('FEED_SYNTAX', 'a job id is NULL', { sqlstate: '22004', position, hint })
  if (!/^\s*[+-]?\d+\s*$/.test(text)) {
    throw new FeedError('FEED_SYNTAX', `could not parse "${text}" as type int: a job is named by its id`, {
      sqlstate: '22P02',
      position,
      hint,
    })
  }
  const id = BigInt(text.trim().replace(/^\+/, ''))
  if (id > maxInt8 || id < -maxInt8) {
    throw new FeedError('FEED_SYNTAX', `job id ${id} is out of range for type int8`, {
      sqlstate: '22003',
      position,
      hint,
    })
  }
  return String(id)
}
