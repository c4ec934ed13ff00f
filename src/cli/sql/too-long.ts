// Values of PostgreSQL may be longer than the longest string of JavaScript. The driver and the writers of results then throw while
// they read from the socket, where nothing catches the error and the shell would end with a stack trace. Here such an error ends the
// statement with a message and a hint.

import { constants } from 'node:buffer'
import type { Socket } from 'node:net'
import { FeedError } from '../../errors/feed-error.ts'

/**
 * Catches the error that the listeners of the socket throw because a string would be too long. The connection cannot be used after
 * that, so it is closed, and `failed` is called with the reason.
 */
export function catchTooLong(
  socket: Pick<Socket, 'listeners' | 'removeAllListeners' | 'on' | 'destroy'>,
  failed: (error: FeedError) => void,
): void {
  const readers = socket.listeners('data') as ((chunk: Buffer) => void)[]
  socket.removeAllListeners('data')
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const read of readers) read(chunk)
    } catch (error) {
      const tooLong = tooLongToPrint(error)
      if (tooLong === undefined) throw error
      socket.destroy()
      failed(tooLong)
    }
  })
}

/** Returns undefined if the error has another cause. */
export function tooLongToPrint(error: unknown): FeedError | undefined {
  const most = constants.MAX_STRING_LENGTH.toLocaleString('en-US')
  if ((error as NodeJS.ErrnoException).code === 'ERR_STRING_TOO_LONG') {
    return new FeedError(
      'FEED_UNSUPPORTED',
      `a value is too long to print: this shell prints at most ${most} bytes of one`,
      {
        hint: 'select a part of it, as substring(value, 1, 1000) does, or use psql',
        cause: error,
      },
    )
  }
  if (error instanceof RangeError && error.message === 'Invalid string length') {
    return new FeedError(
      'FEED_UNSUPPORTED',
      `a row or table is too long to print: this shell prints at most ${most} characters of one`,
      { hint: 'select fewer or shorter columns, or print with --format=csv, which needs no whole table', cause: error },
    )
  }
  return undefined
}
