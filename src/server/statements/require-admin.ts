// Statements that only administrators may run.

import { FeedError } from '../../errors/feed-error.ts'
import type { JobRights } from '../../jobs/job-rights.ts'

/** Throws unless the user is an administrator. `rule` says who may do what: "only admins may UNWATCH". */
export async function requireAdmin(rights: JobRights, user: string, rule: string): Promise<void> {
  if (await rights.isAdmin(user)) return
  throw new FeedError('FEED_PRIVILEGE', rule, { hint: 'connect as root, or ask an administrator' })
}
