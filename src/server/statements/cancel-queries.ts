// SHOW QUERIES and CANCEL QUERY: the statements that run here (changefeeds, mostly) beside those that PostgreSQL runs.

import { quoteString } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { JobRights } from '../../jobs/job-rights.ts'
import type { Front, RunningStatement } from '../../pg-server/front.ts'
import type { LocalCall, LocalStatement } from '../../pg-server/local-statement.ts'
import type { CancelQueries } from '../../sql/ast.ts'
import { currentUser } from './catalogue-queries.ts'
import { textOf } from '../../plan/read-options.ts'
import { typeOids } from '../../wire/type-oids.ts'
import { shownStatement } from './shown-statement.ts'
import { selectIds, selectParameterTypes, type ExpandSelect } from './select-ids.ts'

/** Queries that PostgreSQL runs are named by the process that runs them. */
const backendPrefix = 'pg'
const maxPid = 0x7fffffff

/**
 * `running`: only what the asker may see, for this text is the asker's, who can explain it, keep it in a view, and answer
 * its conditions with operators of their own. So PostgreSQL's part names the schema of every operator: a text that ran a
 * function of somebody else's would give its rights to that function.
 */
export function showQueriesSql(running: readonly RunningStatement[]): string {
  const ours = running.map(
    ({ id, sessionId, user, startedAtMs, sql, clientAddress, applicationName }) =>
      `(${quoteString(id)}, 1, ${quoteString(sessionId)}, ${quoteString(user)}, pg_catalog.to_timestamp(${startedAtMs / 1000}), ${quoteString(shownStatement(sql))}, ${quoteString(clientAddress)}, ${quoteString(applicationName)}, 'executing')`,
  )
  const columns = 'query_id, node_id, session_id, user_name, start, query, client_address, application_name, phase'
  // The backend of a statement of ours only waits for it.
  const waiting = running.map(({ backendPid }) => backendPid).join()
  const id = `pg_catalog.concat('${backendPrefix}', pid)`
  const theirs = `SELECT ${id}, 1, ${id}, usename::pg_catalog.text, query_start, query, coalesce(client_addr::pg_catalog.text, ''), application_name, 'executing'
FROM pg_catalog.pg_stat_activity WHERE state OPERATOR(pg_catalog.=) 'active' AND pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
  AND pid OPERATOR(pg_catalog.<>) ALL ('{${waiting}}'::pg_catalog.int4[]) AND backend_type OPERATOR(pg_catalog.=) 'client backend'
  AND application_name OPERATOR(pg_catalog.!~~) 'pg-changefeed%'
  AND (pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') OR pg_catalog.pg_has_role(current_user, usesysid, 'USAGE'))`
  const values = ours.length === 0 ? '' : `VALUES ${ours.join(', ')} UNION ALL `
  return `SELECT * FROM (${values}${theirs}) AS shown (${columns})`
}

export interface CancelRoom {
  readonly front: () => Front
  readonly rights: JobRights
  readonly expand: ExpandSelect
}

export function cancelQueries(statement: CancelQueries, room: CancelRoom): LocalStatement {
  return {
    parameterTypes:
      statement.select !== undefined
        ? selectParameterTypes(statement.select)
        : statement.id?.tag === 'placeholder'
          ? [typeOids.text]
          : [],
    columns: undefined,
    async run(call) {
      const ids =
        statement.id === undefined
          ? await selectIds(statement.select ?? '', call, { expand: room.expand, what: 'the ids of queries' })
          : [textOf(statement.id, call.parameters) ?? '']
      if (!statement.isMany && ids.length > 1) {
        throw new FeedError('FEED_STATE', `CANCEL QUERY takes one id, and the query gives ${ids.length}`, {
          sqlstate: '21000',
          hint: 'CANCEL QUERIES SELECT … cancels them all',
        })
      }
      let canceled = 0
      for (const id of ids) {
        if (await cancel(id, call, room)) canceled++
        else if (!statement.ifExists) {
          throw new FeedError('FEED_STATE', `could not cancel query ${id}: query ID ${id} not found`, {
            sqlstate: '42704',
          })
        }
      }
      return `CANCEL QUERIES ${canceled}`
    },
  }
}

async function checkMayCancel(owner: string, session: LocalCall['session'], rights: JobRights): Promise<void> {
  const user = await currentUser(session)
  if (await rights.mayCancelQuery(user, owner)) return
  throw new FeedError('FEED_PRIVILEGE', `user ${user} may not cancel the queries of user ${owner}`, {
    hint: 'its user, members of that role and admins may; CANCELQUERY (pg_signal_backend) is for the queries of all but superusers',
  })
}

async function cancel(id: string, { session }: LocalCall, { front, rights }: CancelRoom): Promise<boolean> {
  const pid = new RegExp(`^${backendPrefix}(\\d+)$`).exec(id)?.[1]
  if (pid === undefined) {
    const running = front()
      .runningStatements()
      .find((statement) => statement.id === id)
    if (running === undefined) return false
    await checkMayCancel(running.user, session, rights)
    return front().cancelStatement(id)
  }
  if (Number(pid) > maxPid) return false
  const rows = await session.queryBackend(`SELECT pg_catalog.pg_cancel_backend(${pid})`)
  return rows[0]?.[0] === 't'
}
