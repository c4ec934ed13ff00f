// Converts an ErrorResponse of PostgreSQL, fields of (u8 code, cstring) followed by 0, to a FeedError with PostgreSQL's message.

import { FeedError } from '../errors/feed-error.ts'

/** SQLSTATEs of a server that stops or starts, where another attempt helps. */
export const transientStates: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '53300', '08006'])

export function serverError(bytes: Buffer, start: number, end: number): FeedError {
  const fields = readFields(bytes, start, end)
  const sqlstate = fields.get('C') ?? 'XX000'
  const details = { sqlstate, detail: fields.get('D'), hint: fields.get('H'), context: fields.get('W') }
  const message = fields.get('M') ?? 'PostgreSQL reported an error without a message'
  return new FeedError(transientStates.has(sqlstate) ? 'FEED_SOURCE_DOWN' : 'FEED_SOURCE_REFUSED', message, details)
}

/** Returns the fields by their letter. */
export function readFields(bytes: Buffer, start: number, end: number): Map<string, string> {
  const fields = new Map<string, string>()
  let at = start
  while (at < end && bytes[at] !== 0) {
    const zero = bytes.indexOf(0, at + 1)
    if (zero < 0 || zero >= end) break
    fields.set(String.fromCharCode(bytes[at] as number), bytes.toString('utf8', at + 1, zero))
    at = zero + 1
  }
  return fields
}
