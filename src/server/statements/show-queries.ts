// SHOW QUERIES lists the statements that we run (mostly changefeeds) and those that PostgreSQL runs.

import { quoteString } from '../../core/quote.ts'
import type { RunningStatement } from '../../pg-server/running-statements.ts'
import { shownStatement } from './shown-statement.ts'

/** The id of a query that PostgreSQL runs is this prefix and the number of the process that runs the query. */
export const backendPrefix = 'pg'

/**
 * Returns the SELECT that answers SHOW QUERIES. `running` must be only what the reader may see, because the session runs this
 * text and the reader can read all of it, for example with EXPLAIN or in a view. Every operator is written with its schema:
 * otherwise the text could call an operator of somebody else, with the rights of the reader.
 */
export function showQueriesSql(running: readonly RunningStatement[]): string {
  const ours = running.map(
    ({ id, startedAtMs, sql, session: { id: sessionId, user, clientAddress, applicationName } }) =>
      `(${quoteString(id)}, 1, ${quoteString(sessionId)}, ${quoteString(user)}, pg_catalog.to_timestamp(${startedAtMs / 1000}), ${quoteString(shownStatement(sql))}, ${quoteString(clientAddress)}, ${quoteString(applicationName)}, 'executing')`,
  )
  const columns = 'query_id, node_id, session_id, user_name, start, query, client_address, application_name, phase'
  // The backend of a session with a statement of ours only waits for that statement, so it is left out.
  const waiting = running.map(({ session }) => session.backendPid).join()
  const id = `pg_catalog.concat('${backendPrefix}', pid)`
  const theirs = `SELECT ${id}, 1, ${id}, usename::pg_catalog.text, query_start, query, coalesce(client_addr::pg_catalog.text, ''), application_name, 'executing'
FROM pg_catalog.pg_stat_activity WHERE state OPERATOR(pg_catalog.=) 'active' AND pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
  AND pid OPERATOR(pg_catalog.<>) ALL ('{${waiting}}'::pg_catalog.int4[]) AND backend_type OPERATOR(pg_catalog.=) 'client backend'
  AND application_name OPERATOR(pg_catalog.!~~) 'pg-changefeed%'
  AND (pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') OR pg_catalog.pg_has_role(current_user, usesysid, 'USAGE'))`
  const values = ours.length === 0 ? '' : `VALUES ${ours.join(', ')} UNION ALL `
  return `SELECT * FROM (${values}${theirs}) AS shown (${columns})`
}
