// Recognises a connection pooler between us and PostgreSQL. A slot, a snapshot and our settings belong to a session, and a pooler
// gives our statements to whatever session of PostgreSQL is free.

import { FeedError } from '../errors/feed-error.ts'
import type { Queries } from './queries.ts'

const attempts = 3
const poolerAnswers = 'a connection pooler answers in place of PostgreSQL'

/** The error in place of the one of a pooler that does not know a parameter of our start-up packet. */
export function poolerRefused(error: FeedError): FeedError | undefined {
  if (error.sqlstate !== '08P01' || !/startup parameter/.test(error.message)) return undefined
  return pooler(error.message)
}

/**
 * Throws if somebody else's statements run in the session that is ours. A proxy that gives every client a session of its own does no
 * harm, although it invents the process ids that clients get. `other`: opens a second connection to the same address.
 */
export async function checkSession(ours: Queries, other: () => Promise<Queries & AsyncDisposable>): Promise<void> {
  await using second = await other()
  for (let i = 0; i < attempts; i++) {
    const pid = await pidOf(ours)
    if (pid === (await pidOf(second, 'BEGIN')) || pid !== (await pidOf(ours))) throw pooler('sessions are shared')
    await second.query('ROLLBACK')
  }
}

async function pidOf(connection: Queries, before = ''): Promise<string | null | undefined> {
  const rows = await connection.query(`${before}; SELECT pg_catalog.pg_backend_pid()`)
  return rows[0]?.[0]
}

export function isPooler({ message }: FeedError): boolean {
  return message.startsWith(poolerAnswers)
}

function pooler(why: string): FeedError {
  return new FeedError('FEED_SOURCE_REFUSED', `${poolerAnswers} (${why}): pg-changefeed needs sessions of its own`, {
    sqlstate: '08001',
    hint: 'use the host and the port of PostgreSQL itself, often 5432; providers call it the direct connection',
  })
}
