// Splits the bytes of a query string into statements. Text that we rewrite or run must be decoded exactly, or something
// else would be stored. Bytes that are not valid in the client's encoding are passed on, so that PostgreSQL reports the error.

import { isUtf8 } from 'node:buffer'
import { FeedError } from '../errors/feed-error.ts'
import type { Piece, StatementHandler } from './local-statement.ts'

/** Returns the statements of a text; undefined if the bytes are to be passed on unchanged. */
export function classifyText(
  handler: StatementHandler,
  text: Buffer,
  clientEncoding: string,
): readonly Piece[] | undefined {
  const sql = text.toString('utf8')
  const pieces = handler.classify(sql)
  if (pieces === undefined || (isUtf8(text) && !text.includes(0))) return pieces
  if (clientEncoding === 'UTF8' || clientEncoding === 'SQL_ASCII' || text.includes(0)) return undefined
  const error = new FeedError(
    'FEED_UNSUPPORTED',
    `this statement cannot be read in client_encoding ${clientEncoding}`,
    {
      hint: "SET client_encoding = 'UTF8', and send it in UTF-8",
    },
  )
  return [{ tag: 'error', error, sql }]
}
