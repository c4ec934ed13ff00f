// How a session's connection to PostgreSQL can end, as its client reads it.

import { FeedError } from '../errors/feed-error.ts'

/** The connection could not be opened. */
export function notUp(error: Error): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', 'the database system is starting up', {
    sqlstate: '57P03',
    detail: error.message,
  })
}

/** The connection was open and has ended. */
export function gone(error?: Error): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', 'terminating connection because PostgreSQL closed it', {
    sqlstate: '57P01',
    detail: error?.message,
    hint: 'connect again',
  })
}

/** A connection that replaces another is asked for a password, which the client gave long ago and we have not kept. */
export function mustReconnect(): FeedError {
  return new FeedError(
    'FEED_PRIVILEGE',
    'the database cannot be changed on this connection: the server asks for credentials again',
    {
      sqlstate: '28000',
      hint: 'connect again and name the database',
    },
  )
}
