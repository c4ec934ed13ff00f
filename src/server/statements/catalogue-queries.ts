// The catalogue of any database of the server, read with the rights of the session's user, also after SET ROLE.

import { quoteString } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { SessionControl } from '../../pg-server/local-statement.ts'
import type { CatalogueQuery } from '../../sql/dialect/table-facts.ts'
import { openRawConnection } from '../../postgres/raw-connection.ts'
import type { PostgresServer } from '../../postgres/source-connection.ts'

/** Whose rights count, also after SET ROLE. `current_user` is a keyword: nothing of the session's can take its place. */
export async function currentUser(session: Pick<SessionControl, 'queryBackend'>): Promise<string> {
  const user = (await session.queryBackend('SELECT current_user'))[0]?.[0]
  if (typeof user !== 'string') throw new FeedError('FEED_BUG', 'PostgreSQL did not say who the current user is')
  return user
}

export function catalogueQueries(
  session: SessionControl,
  source: PostgresServer,
  user: string,
): (database: string) => CatalogueQuery {
  return (database) => {
    if (database === session.database) return (sql) => session.queryBackend(sql)
    return async (sql) => {
      await using connection = await openRawConnection({ source: { ...source, database } })
      await connection.query(`SET SESSION AUTHORIZATION ${quoteString(user)}`)
      const [may] = await connection.query(
        `SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CONNECT')`,
      )
      if (may?.[0] !== 't') {
        throw new FeedError('FEED_PRIVILEGE', `permission denied for database "${database}"`, {
          detail: 'User does not have CONNECT privilege.',
        })
      }
      return await connection.query(sql)
    }
  }
}
