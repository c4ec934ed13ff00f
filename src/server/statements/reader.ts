// Who reads the answer of a SHOW. What others may not see must not stand in the text that PostgreSQL gets: it is the
// session's text, and the session can read all of it.

import type { JobRights } from '../../jobs/job-rights.ts'
import type { BackendQuery } from '../../pg-server/local-statement.ts'
import type { RunningStatement } from '../../pg-server/running-statements.ts'
import { currentUser } from './catalogue-queries.ts'

export interface Reader {
  readonly isAdmin: boolean
  /** Of the statements that run here, those that the reader may see. */
  readonly statements: readonly RunningStatement[]
}

/** The reader is the current user of the session that runs `query`. */
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
