// SHOW QUERIES and CANCEL QUERY: the statements that run here (changefeeds, mostly) beside those that PostgreSQL runs.

import { FeedError } from '../errors/feed-error.ts'
import type { Front, RunningStatement } from '../pg-server/front.ts'
import type { LocalCall, LocalStatement } from '../pg-server/local-statement.ts'
import type { CancelQueries } from '../sql/ast.ts'
import { textOf } from '../plan/read-options.ts'
import { literal } from './show-sql.ts'

/** Queries that PostgreSQL runs are named by the process that runs them. */
const backendPrefix = 'pg'

export function showQueriesSql(running: readonly RunningStatement[]): string {
  const ours = running.map(
    ({ id, sessionId, user, startedAtMs, sql, clientAddress, applicationName }) =>
      `(${literal(id)}, 1, ${literal(sessionId)}, ${literal(user)}, to_timestamp(${startedAtMs / 1000}), ${literal(sql)}, ${literal(clientAddress)}, ${literal(applicationName)}, 'executing')`,
  )
  const columns = 'query_id, node_id, session_id, user_name, start, query, client_address, application_name, phase'
  const theirs = `SELECT '${backendPrefix}' || pid, 1, '${backendPrefix}' || pid, usename::text, query_start, query, coalesce(client_addr::text, ''), application_name, 'executing'
FROM pg_catalog.pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND application_name NOT LIKE 'pg-changefeed%'`
  const values = ours.length === 0 ? '' : `VALUES ${ours.join(', ')} UNION ALL `
  return `SELECT * FROM (${values}${theirs}) AS shown (${columns})`
}

/** `expand`: replaces `[SHOW …]` in a SELECT. */
export function cancelQueries(
  statement: CancelQueries,
  front: () => Front,
  expand: (sql: string) => string,
): LocalStatement {
  return {
    parameterTypes: statement.id?.tag === 'placeholder' ? [25] : [],
    columns: undefined,
    async run(call) {
      const ids =
        statement.id === undefined
          ? await selectedIds(expand(statement.select ?? ''), call)
          : [textOf(statement.id, call.parameters) ?? '']
      for (const id of ids) {
        if (!(await cancel(id, call, front()))) {
          throw new FeedError('FEED_STATE', `could not cancel query ${id}: query ID ${id} not found`, {
            sqlstate: '42704',
          })
        }
      }
      return `CANCEL QUERIES ${ids.length}`
    },
  }
}

async function selectedIds(select: string, { session }: LocalCall): Promise<string[]> {
  const rows = await session.queryBackend(select)
  return rows.flatMap(([id]) => id ?? [])
}

async function cancel(id: string, { session }: LocalCall, front: Front): Promise<boolean> {
  const pid = new RegExp(`^${backendPrefix}(\\d+)$`).exec(id)?.[1]
  if (pid === undefined) return front.cancelStatement(id)
  const rows = await session.queryBackend(`SELECT pg_catalog.pg_cancel_backend(${pid})`)
  return rows[0]?.[0] === 't'
}
