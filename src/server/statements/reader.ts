// The user who reads the answer of a SHOW. The text that PostgreSQL runs must not contain what the reader may not see, because
// the session can read all of that text.

import type { JobRights } from '../../jobs/job-rights.ts'
import type { BackendQuery } from '../../pg-server/local-statement.ts'
import type { RunningStatement } from '../../pg-server/running-statements.ts'
import { currentUser } from './catalogue-queries.ts'

export interface Reader {
  readonly isAdmin: boolean
  /** The statements that we run and that the reader may see. */
  readonly statements: readonly RunningStatement[]
}

/** Returns the reader: the current user of the session that runs `query`. */
export async function readerOf(
  query: BackendQuery,
  running: readonly RunningStatement[],
  rights: JobRights,
): Promise<Reader> {
  const user = await currentUser({ queryBackend: query })
  const owners = [...new Set(running.map(({ session }) => session.user))]
  const [isAdmin, seen] = await Promise.all([rights.isAdmin(user), rights.mayReadStatementsOf(user, owners)])
  return { isAdmin, statements: running.filter(({ session }) => seen.has(session.user)) }
}
