// Refuses a changefeed inside another statement, such as COPY. PostgreSQL would report a syntax error; these errors say how to get the
// same result.

import { FeedError } from '../../errors/feed-error.ts'
import { isOp, isWord } from '../tokens.ts'
import type { Cursor } from './cursor.ts'

interface Refusal {
  readonly message: string
  readonly hint: string
}

const refusals = {
  prepare: {
    message: 'a changefeed cannot be prepared with PREPARE',
    hint: 'let the driver prepare it (Parse of the extended protocol), or send it as it is',
  },
  declare: {
    message: 'a changefeed cannot be read through a cursor of SQL',
    hint: 'send the changefeed itself and read its rows as they come: stream() of psycopg 3 instead of a named cursor, asyncpg below SQLAlchemy, a fetch size of 1 in JDBC, a row event or stream in node-postgres, FETCH_COUNT=1 in psql 18',
  },
  explain: {
    message: 'a changefeed cannot be explained: it has no plan, it follows the log of changes',
    hint: 'EXPLAIN CHANGEFEED FOR TABLE t [INTO …] [WITH …] says what it would do and what is in its way; SHOW JOBS tells how far one with a sink is, and /_status/vars has the metrics',
  },
  copy: {
    message: 'a changefeed cannot be the query of COPY',
    hint: 'send the changefeed itself and write its rows down as they come, for example: npx changefeed sql --format=csv -e "EXPERIMENTAL CHANGEFEED FOR t"',
  },
  query: {
    message: 'a changefeed cannot stand inside another statement',
    hint: 'send the changefeed itself and read its rows as they come, or give it a sink with INTO',
  },
} as const satisfies Record<string, Refusal>

/** Returns undefined if the statement contains no changefeed. */
export function refuseWrapped(cursor: Cursor): undefined {
  for (let i = 1; cursor.peek(i) !== undefined; i++) {
    if (!isWord(cursor.peek(i + 1), 'changefeed')) continue
    if (!isWord(cursor.peek(i), 'experimental') && !isWord(cursor.peek(i), 'create')) continue
    const refusal = refusalAt(cursor, i)
    if (refusal === undefined) continue
    const position = cursor.positionOf(i) + 1
    throw new FeedError('FEED_UNSUPPORTED', refusal.message, { hint: refusal.hint, position })
  }
  return undefined
}

/** Refuses only where PostgreSQL could not accept the words: `experimental changefeed` may be a column with an alias. */
function refusalAt(cursor: Cursor, at: number): Refusal | undefined {
  const first = cursor.peek(0)
  const before = cursor.peek(at - 1)
  if (isWord(first, 'prepare') && isWord(before, 'as')) return refusals.prepare
  if (isWord(first, 'declare') && isWord(before, 'for')) return refusals.declare
  if (isWord(first, 'explain')) {
    const isExplained = ['explain', 'analyze', 'verbose'].some((word) => isWord(before, word)) || isOp(before, ')')
    return isExplained ? refusals.explain : undefined
  }
  if (isWord(first, 'copy') && isOp(before, '(')) return refusals.copy
  const isQuery =
    isOp(before, '[') ||
    (isWord(first, 'create') && isWord(before, 'as')) ||
    (isOp(before, '(') && ['as', 'materialized', 'from'].some((word) => isWord(cursor.peek(at - 2), word)))
  return isQuery ? refusals.query : undefined
}
