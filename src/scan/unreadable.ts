// A row that PostgreSQL cannot read, or cannot print: another attempt meets it again, so a changefeed must end and say where it
// is, instead of trying for ever.

import { FeedError } from '../errors/feed-error.ts'
import type { Chunk } from './chunks.ts'

/**
 * Data exceptions (22), limits of the program (54), damaged data and indexes (XX001, XX002). An internal error is one of
 * these, too, when it is about memory: a damaged length asks for gigabytes.
 */
const lasting = /^(22...|54...|XX001|XX002)$/
const lastingInternal =
  /invalid memory alloc request size|invalid string enlargement request size|^unexpected chunk number|compressed .*data is corrupt/

/** Undefined: the failure may pass. */
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

/** Some messages quote what they cannot read: invalid input syntax for type integer: "…", value "…" is out of range. */
function withoutValue(message: string): string {
  return message.replace(/: ".*"$/s, '').replace(/^(value) ".*"/s, '$1')
}
