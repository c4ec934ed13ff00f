// JavaScript has a longest string, and PostgreSQL has longer values. The driver and the writers of results throw then, in
// the middle of reading from the socket, where nobody would catch it and the shell would end with a stack trace. Here such
// an error ends the statement instead, with what to do.

import { constants } from 'node:buffer'
import type { Socket } from 'node:net'
import { FeedError } from '../../errors/feed-error.ts'

/**
 * Catches what the present readers of the socket throw because a string would be too long. What they have read so far is of
 * no use after that, so the connection is closed; `failed` hears why.
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

/** Undefined: the error has another cause. */
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
