// From the bytes of a statement to its pieces. What is to be changed or run here must have been read as the client wrote
// it, or something else would be stored. A text that is not in its encoding goes as it came: PostgreSQL says so.

import { isUtf8 } from 'node:buffer'
import { FeedError } from '../errors/feed-error.ts'
import type { Piece, StatementHandler } from './local-statement.ts'

/** Returns undefined when the text is PostgreSQL's and goes on byte for byte. */
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
