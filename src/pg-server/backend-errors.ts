// The errors that a client gets when the connection of its session to PostgreSQL ends.

import { FeedError } from '../errors/feed-error.ts'

/** The error of a connection that could not be opened. */
export function notUp(error: Error): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', 'the database system is starting up', {
    sqlstate: '57P03',
    detail: error.message,
  })
}

/** The error of a connection that was open and has ended. */
export function gone(error?: Error): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', 'terminating connection because PostgreSQL closed it', {
    sqlstate: '57P01',
    detail: error?.message,
    hint: 'connect again',
  })
}

/** The error if PostgreSQL asks a replacing connection for a password: the client gave it earlier, and we did not keep it. */
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
