// PREPARE … AS and DECLARE … CURSOR FOR a changefeed: PostgreSQL would call them a syntax error. What they are for is had in
// another way, and the error says which.

import { FeedError } from '../../errors/feed-error.ts'
import { isWord } from '../tokens.ts'
import type { Cursor } from './cursor.ts'

const hints = {
  PREPARE: 'let the driver prepare it (Parse of the extended protocol), or send it as it is',
  DECLARE:
    'send the changefeed itself and read its rows as they come: stream() of psycopg 3 instead of a named cursor, a fetch size of 1 in JDBC, a row event or stream in node-postgres, FETCH_COUNT=1 in psql 18',
} as const

/** Behind the word. Undefined: there is no changefeed in it. */
export function refuseWrapped(cursor: Cursor, word: keyof typeof hints): undefined {
  for (let i = 0; cursor.peek(i) !== undefined; i++) {
    if (!isWord(cursor.peek(i), 'as') && !isWord(cursor.peek(i), 'for')) continue
    const isOurs = isWord(cursor.peek(i + 1), 'experimental') || isWord(cursor.peek(i + 1), 'create')
    if (!isOurs || !isWord(cursor.peek(i + 2), 'changefeed')) continue
    throw new FeedError(
      'FEED_UNSUPPORTED',
      word === 'PREPARE'
        ? 'a changefeed cannot be prepared with PREPARE'
        : 'a changefeed cannot be read through a cursor of SQL',
      { sqlstate: '0A000', hint: hints[word] },
    )
  }
  return undefined
}
