// Reads the catalogue of any database of the server, with the rights of the session's user, also after SET ROLE.

import { quoteString } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { SessionControl } from '../../pg-server/local-statement.ts'
import { resolveTargets, type CatalogueAccess, type TargetFacts } from '../../plan/catalogue.ts'
import { noTableHint } from '../../plan/targets.ts'
import { openRawConnection } from '../../postgres/raw-connection.ts'
import type { PostgresServer } from '../../postgres/source-connection.ts'
import type { Target } from '../../sql/ast.ts'
import type { CatalogueQuery } from '../../sql/dialect/table-facts.ts'

/** Returns the tables that a statement names. Throws if one of them does not exist. */
export async function namedTables(
  targets: readonly Target[],
  currentDatabase: string,
  queryIn: (database: string) => CatalogueAccess,
): Promise<readonly TargetFacts[]> {
  const found = await resolveTargets(targets, currentDatabase, queryIn)
  return found.targets.map((table, i) => {
    if (table.tag === 'table') return table
    const position = (targets[i]?.position ?? 0) + 1
    const hint = table.tag === 'no-table' ? noTableHint(table) : undefined
    throw new FeedError('FEED_NO_TABLE', `table "${targets[i]?.text}" does not exist`, { position, hint })
  })
}

export function catalogueQueries(
  session: SessionControl,
  source: PostgresServer,
  user: string,
): (database: string) => CatalogueAccess {
  return (database) => {
    if (database === session.database) return { query: session.queryBackend }
    // We may not be able to become the user, so the question is about the user.
    const query: CatalogueQuery = async (sql) => {
      await using connection = await openRawConnection({ source: { ...source, database } })
      const [may] = await connection.query(
        `SELECT pg_catalog.has_database_privilege(${quoteString(user)}, pg_catalog.current_database(), 'CONNECT')`,
      )
      if (may?.[0] !== 't') {
        throw new FeedError('FEED_PRIVILEGE', `permission denied for database "${database}"`, {
          detail: 'User does not have CONNECT privilege.',
        })
      }
      return await connection.query(sql)
    }
    return { query, role: user }
  }
}
