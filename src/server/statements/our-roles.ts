// The roles that options such as CONTROLCHANGEFEED and system privileges such as VIEWJOB stand for. In a PostgreSQL that is not ours
// they need not exist, and a role with such a name may be somebody else's, whose rights nobody means to grant.

import { FeedError } from '../../errors/feed-error.ts'
import type { JobRights } from '../../jobs/job-rights.ts'
import { roleStatements } from '../../jobs/rights-sql.ts'

/** Throws if one of the roles is not there. Roles of PostgreSQL itself always are. */
export async function checkOurRoles(roles: readonly string[], rights: JobRights): Promise<void> {
  const wanted = [...new Set(roles)].filter((role) => roleStatements(role) !== undefined)
  const ours = await rights.oursOf(wanted)
  const missing = wanted.filter((role) => !ours.has(role))
  if (missing.length === 0) return
  const names = missing.map((role) => `"${role}"`).join(', ')
  throw new FeedError('FEED_STATE', `this PostgreSQL has no role ${names} of changefeeds`, {
    sqlstate: '42704',
    hint: `make it if it is not there: ${missing.map((role) => roleStatements(role)).join(' ')} Then let it count, in the database of the state, with the oid of the role: INSERT INTO changefeed_state.group_roles SELECT oid FROM pg_roles WHERE rolname IN (${missing.map((role) => `'${role}'`).join(', ')});`,
  })
}
