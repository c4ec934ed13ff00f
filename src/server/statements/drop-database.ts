// DROP DATABASE, ALTER DATABASE … RENAME, CREATE DATABASE … TEMPLATE: PostgreSQL runs these only if no session is connected to the
// database. So our source of the database disconnects first. If a changefeed still needs the database, the statement is
// refused: a job knows its database by its name.

import { FeedError } from '../../errors/feed-error.ts'
import type { BackendQuery } from '../../pg-server/local-statement.ts'
import type { ServerParts } from '../server-parts.ts'
import { currentUser } from './current-user.ts'

/** Settles when PostgreSQL can run the statement. For a user without the right, whom PostgreSQL refuses, nothing disconnects. */
export async function disconnectForMove(name: string, query: BackendQuery, parts: ServerParts): Promise<void> {
  const { feeds, jobs, rights, sources } = parts
  if (!(await rights.mayMoveDatabase(await currentUser(query), name))) return
  const ids = (await jobs.store.unfinished()).filter(({ database }) => database === name).map(({ id }) => id)
  const isRead = feeds.running.some(({ database }) => database === name) || sources.of(name)?.uses.isEmpty === false
  if (ids.length > 0 || isRead) {
    const options = { sqlstate: '55006', hint: endHint(ids) }
    throw new FeedError('FEED_STATE', `database "${name}" is used by a changefeed`, options)
  }
  await sources.disconnect(name)
}

/** Returns the hint how to end what uses a database: the jobs with these ids, or else changefeeds on connections. */
export function endHint(ids: readonly string[]): string {
  return ids.length > 0 ? `CANCEL JOBS ${ids.join(', ')}` : 'end it first: SHOW QUERIES lists it, CANCEL QUERY ends it'
}
