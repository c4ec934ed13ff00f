// DROP DATABASE, ALTER DATABASE … RENAME, CREATE DATABASE … TEMPLATE: PostgreSQL runs these only if nobody is connected to the
// database. So our source of the database disconnects first. If a changefeed still needs the database, the statement is
// refused: a job knows its database by its name.

import { FeedError } from '../../errors/feed-error.ts'
import type { BackendQuery } from '../../pg-server/local-statement.ts'
import { currentUser } from './catalogue-queries.ts'
import type { ServerParts } from '../server-parts.ts'

/** Settles when PostgreSQL can run the statement. For a user without the right, whom PostgreSQL refuses, nothing disconnects. */
export async function letGoForMove(name: string, query: BackendQuery, context: ServerParts): Promise<void> {
  const user = await currentUser({ queryBackend: query })
  if (await context.rights.mayMoveDatabase(user, name)) await letGo(name, context)
}

async function letGo(name: string, { feeds, jobs, sources }: ServerParts): Promise<void> {
  const ids = (await jobs.store.unfinished()).filter(({ database }) => database === name).map(({ id }) => id)
  if (ids.length > 0) throw inUse(name, `CANCEL JOBS ${ids.join(', ')}`)
  if (feeds.running.some(({ database }) => database === name) || sources.of(name)?.uses.isEmpty === false) {
    throw inUse(name, 'end it first: SHOW QUERIES lists it, CANCEL QUERY ends it')
  }
  await sources.letGo(name)
}

function inUse(name: string, hint: string): FeedError {
  return new FeedError('FEED_STATE', `database "${name}" is used by a changefeed`, { sqlstate: '55006', hint })
}
