// DROP DATABASE: PostgreSQL drops a database with its slots when nobody uses it. So what reads it here lets go first,
// unless a changefeed still needs it.

import { FeedError } from '../errors/feed-error.ts'
import type { DeskOptions } from './statement-desk.ts'

/** Settles when DROP DATABASE can succeed. */
export async function letGoOfDatabase(name: string, { feeds, jobs, sources }: DeskOptions): Promise<void> {
  const ids = await jobs.store.ofDatabase(name)
  if (ids.length > 0) throw inUse(name, `CANCEL JOBS ${ids.join(', ')}`)
  if (feeds.running.some(({ database }) => database === name)) {
    throw inUse(name, 'end it first: SHOW QUERIES lists it, CANCEL QUERY ends it')
  }
  await sources.letGo(name)
}

function inUse(name: string, hint: string): FeedError {
  return new FeedError('FEED_STATE', `database "${name}" is used by a changefeed`, { sqlstate: '55006', hint })
}
