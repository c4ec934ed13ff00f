// The first connection of a server to a PostgreSQL that somebody else runs: it may be starting, or behind a network that is not up
// yet, so the attempt is repeated for a minute. What another attempt cannot mend ends the wait at once.

import { setTimeout as delay } from 'node:timers/promises'
import { Backoff } from '../../async/backoff.ts'
import { asFeedError, FeedError } from '../../errors/feed-error.ts'
import { openRawConnection, type RawConnection } from '../raw-connection.ts'
import type { SourceConnection } from '../source-connection.ts'
import { placeOf } from './place.ts'

const startsWithinMs = 60_000
const pauses = { firstMs: 100, mostMs: 5000 }

export interface ReachOptions {
  readonly withinMs?: number
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined
}

/** Connects, and runs `work`. Throws FEED_START with the reason if that does not succeed within a minute. */
export async function reach<T>(
  source: SourceConnection,
  work: (connection: RawConnection) => Promise<T>,
  { withinMs = startsWithinMs, signal }: ReachOptions = {},
): Promise<T> {
  const deadline = Date.now() + withinMs
  const backoff = new Backoff(pauses)
  for (;;) {
    try {
      await using connection = await openRawConnection({ source })
      return await work(connection)
    } catch (caught) {
      const error = asFeedError(caught)
      const pauseMs = backoff.next()
      if (error.code !== 'FEED_SOURCE_DOWN' || Date.now() + pauseMs > deadline) throw startError(source, error)
      await delay(pauseMs, undefined, signal && { signal }).catch(() => undefined)
      if (signal?.aborted === true) throw startError(source, error)
    }
  }
}

function startError(source: SourceConnection, error: FeedError): FeedError {
  if (error.code === 'FEED_START') return error
  const { sqlstate, detail, hint, message } = error
  const { database, port, user } = source
  // Most errors of connections name the address themselves.
  const place = message.includes(`:${port}`) ? `database "${database}"` : placeOf(source)
  return new FeedError('FEED_START', `cannot use ${place} as "${user}": ${message}`, {
    sqlstate,
    detail,
    hint,
    cause: error,
  })
}
