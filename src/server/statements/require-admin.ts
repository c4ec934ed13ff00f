// Statements that only administrators may run.

import { FeedError } from '../../errors/feed-error.ts'
import type { JobRights } from '../../jobs/job-rights.ts'
import type { SessionControl } from '../../pg-server/local-statement.ts'
import { currentUser } from './catalogue-queries.ts'

/** Returns the current user. Throws if that is no administrator; `rule` says who may do what: "only admins may UNWATCH". */
export async function requireAdmin(session: SessionControl, rights: JobRights, rule: string): Promise<string> {
  const user = await currentUser(session)
  if (await rights.isAdmin(user)) return user
  throw new FeedError('FEED_PRIVILEGE', rule, { hint: 'connect as root, or ask an administrator' })
}
