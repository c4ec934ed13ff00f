// The errors that a client gets when the connection of its session to PostgreSQL ends.

import { FeedError } from '../errors/feed-error.ts'

/** The error of a connection that could not be opened. A server on this machine that has no socket is starting. */
export function notUp(error: Error): FeedError {
  const isStarting = /at socket /.test(error.message)
  return new FeedError('FEED_SOURCE_DOWN', isStarting ? 'the database system is starting up' : error.message, {
    sqlstate: '57P03',
    detail: isStarting ? error.message : undefined,
    hint: error instanceof FeedError ? error.hint : undefined,
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
