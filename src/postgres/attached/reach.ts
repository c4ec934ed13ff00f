// The first connection of a server to a PostgreSQL that somebody else runs: it may be starting, or behind a network that is not up
// yet, so the attempt is repeated for a minute. What another attempt cannot mend ends the wait at once.

import { setTimeout as delay } from 'node:timers/promises'
import { Backoff } from '../../async/backoff.ts'
import { asFeedError, FeedError } from '../../errors/feed-error.ts'
import { openRawConnection, type RawConnection } from '../raw-connection.ts'
import type { SourceConnection } from '../source-connection.ts'

const withinMs = 60_000
const pauses = { firstMs: 100, mostMs: 5000 }

/** Throws FEED_START with the reason if there is no connection within a minute. */
export async function reachWithin(source: SourceConnection, limitMs = withinMs): Promise<RawConnection> {
  const deadline = Date.now() + limitMs
  const backoff = new Backoff(() => pauses)
  for (;;) {
    try {
      return await openRawConnection({ source })
    } catch (caught) {
      const error = asFeedError(caught)
      const pauseMs = backoff.next()
      if (error.code !== 'FEED_SOURCE_DOWN' || Date.now() + pauseMs > deadline) throw unreachable(source, error)
      await delay(pauseMs)
    }
  }
}

function unreachable({ host, port, socketDir, database, user }: SourceConnection, error: FeedError): FeedError {
  const where = socketDir === undefined ? `${host}:${port}` : `${socketDir}, port ${port}`
  return new FeedError(
    'FEED_START',
    `cannot use PostgreSQL at ${where}, database "${database}", as "${user}": ${error.message}`,
    {
      sqlstate: error.sqlstate,
      detail: error.detail,
      hint: error.hint,
      cause: error,
    },
  )
}
