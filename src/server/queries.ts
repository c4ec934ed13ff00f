// SHOW QUERIES and CANCEL QUERY: the statements that run here (changefeeds, mostly) beside those that PostgreSQL runs.

import { quoteString } from '../core/quote.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { JobRights } from '../jobs/job-rights.ts'
import type { Front, RunningStatement } from '../pg-server/front.ts'
import type { LocalCall, LocalStatement } from '../pg-server/local-statement.ts'
import type { CancelQueries } from '../sql/ast.ts'
import { textOf } from '../plan/read-options.ts'
import { typeOids } from '../wire/type-oids.ts'
import { shownStatement } from './shown-statement.ts'
import { selectIds, selectParameterTypes } from './select-ids.ts'

/** Queries that PostgreSQL runs are named by the process that runs them. */
const backendPrefix = 'pg'

export function showQueriesSql(running: readonly RunningStatement[]): string {
  const ours = running.map(
    ({ id, sessionId, user, startedAtMs, sql, clientAddress, applicationName }) =>
      `(${quoteString(id)}, 1, ${quoteString(sessionId)}, ${quoteString(user)}, to_timestamp(${startedAtMs / 1000}), ${quoteString(shownStatement(sql))}, ${quoteString(clientAddress)}, ${quoteString(applicationName)}, 'executing')`,
  )
  const columns = 'query_id, node_id, session_id, user_name, start, query, client_address, application_name, phase'
  // The backend of a statement of ours only waits for it.
  const waiting = ['0', ...running.map(({ backendPid }) => String(backendPid))].join(', ')
  const theirs = `SELECT '${backendPrefix}' || pid, 1, '${backendPrefix}' || pid, usename::text, query_start, query, coalesce(client_addr::text, ''), application_name, 'executing'
FROM pg_catalog.pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND pid NOT IN (${waiting}) AND backend_type = 'client backend' AND application_name NOT LIKE 'pg-changefeed%'`
  const values = ours.length === 0 ? '' : `VALUES ${ours.join(', ')} UNION ALL `
  // As pg_stat_activity does it: its readers see what everybody runs, others what they and roles they are members of run.
  const mine = `pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
  OR user_name IN (SELECT rolname FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(current_user, oid, 'USAGE'))`
  return `SELECT * FROM (${values}${theirs}) AS shown (${columns}) WHERE ${mine}`
}

export interface CancelRoom {
  readonly front: () => Front
  readonly rights: JobRights
  /** Replaces `[SHOW …]` in a SELECT. */
  readonly expand: (sql: string) => string
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

/**
 * As pg_cancel_backend does it: the user, members of that role, and members of pg_signal_backend; what a superuser runs,
 * only superusers. Admins may do with changefeeds what superusers may.
 */
async function checkMayCancel(owner: string, session: LocalCall['session'], rights: JobRights): Promise<void> {
  const role = `(SELECT oid FROM pg_catalog.pg_roles WHERE rolname = ${quoteString(owner)})`
  const [row] = await session.queryBackend(`SELECT current_user,
  coalesce(pg_catalog.pg_has_role(current_user, ${role}, 'USAGE'), false)
  OR (pg_catalog.pg_has_role(current_user, 'pg_signal_backend', 'USAGE')
    AND NOT coalesce((SELECT rolsuper FROM pg_catalog.pg_roles WHERE oid = ${role}), false))`)
  const [user = '', may] = row ?? []
  if (may === 't' || (await rights.isAdmin(user ?? ''))) return
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
  const rows = await session.queryBackend(`SELECT pg_catalog.pg_cancel_backend(${pid})`)
  return rows[0]?.[0] === 't'
}
