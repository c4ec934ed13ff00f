// Recognizes rows that PostgreSQL cannot read or print. Another attempt would fail at the same row, so the changefeed ends with an
// error that says where the row is.

import { FeedError } from '../errors/feed-error.ts'
import type { Chunk } from './chunks.ts'

/**
 * SQLSTATEs of failures that repeat: data exceptions (22), limits of PostgreSQL (54), damaged data and indexes (XX001, XX002). An
 * internal error about memory is one of them, too, because a damaged length makes PostgreSQL ask for gigabytes.
 */
const lasting = /^(22...|54...|XX001|XX002)$/
const lastingInternal =
  /invalid memory alloc request size|invalid string enlargement request size|^unexpected chunk number|compressed .*data is corrupt/

/** Returns undefined if another attempt may succeed. */
export function unreadable(error: unknown, table: string, chunk: Chunk): FeedError | undefined {
  if (!(error instanceof FeedError) || error.code !== 'FEED_SOURCE_REFUSED') return undefined
  const { sqlstate, message } = error
  if (!lasting.test(sqlstate) && !(sqlstate === 'XX000' && lastingInternal.test(message))) return undefined
  const pages = `ctid >= '(${chunk.from},0)'${chunk.to === undefined ? '' : ` AND ctid < '(${chunk.to},0)'`}`
  return new FeedError(
    'FEED_ROW',
    `PostgreSQL cannot read a row of table ${table}: ${withoutValue(message)} (SQLSTATE ${sqlstate})`,
    {
      hint: `the row is one of COPY (SELECT * FROM ONLY ${table} WHERE ${pages}) TO STDOUT; mend or delete it and start the changefeed again`,
    },
  )
}

/** Removes values of the row, which some messages quote: invalid input syntax for type integer: "…", value "…" is out of range. */
function withoutValue(message: string): string {
  return message.replace(/: ".*"$/s, '').replace(/^(value) ".*"/s, '$1')
}
