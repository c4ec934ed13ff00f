// The user who runs a statement of ours.

import { FeedError } from '../../errors/feed-error.ts'
import type { JobRights } from '../../jobs/job-rights.ts'
import type { BackendQuery } from '../../pg-server/local-statement.ts'

/** Returns the user whose rights count, also after SET ROLE. `current_user` is a keyword, so the session cannot redefine it. */
export async function currentUser(query: BackendQuery): Promise<string> {
  const user = (await query('SELECT current_user'))[0]?.[0]
  if (typeof user !== 'string') throw new FeedError('FEED_BUG', 'PostgreSQL did not say who the current user is')
  return user
}

export interface SessionReader {
  readonly user: string
  /** Text for the session must be ASCII: its client, or its database, has another encoding than UTF-8. */
  readonly isPlain: boolean
}

/** Returns the current user, and what text may be sent to the session. */
export async function currentReader(query: BackendQuery): Promise<SessionReader> {
  const [row] = await query('SELECT current_user, pg_catalog.pg_client_encoding(), pg_catalog.getdatabaseencoding()')
  const [user, ...encodings] = row ?? []
  if (typeof user !== 'string') throw new FeedError('FEED_BUG', 'PostgreSQL did not say who the current user is')
  return { user, isPlain: encodings.some((encoding) => encoding !== 'UTF8' && encoding !== 'SQL_ASCII') }
}

/** Returns the current user. Throws unless it is an administrator; `rule` is the error's message: "only admins may UNWATCH". */
export async function requireAdmin(query: BackendQuery, rights: JobRights, rule: string): Promise<string> {
  const user = await currentUser(query)
  if (await rights.isAdmin(user)) return user
  throw new FeedError('FEED_PRIVILEGE', rule, {
    hint: 'connect as a superuser or as the role of the server, or ask an administrator',
  })
}
