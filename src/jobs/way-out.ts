// The hint what a user can do about a job that has stopped because of an error.

import type { Code } from '../errors/codes.ts'
import type { FeedError } from '../errors/feed-error.ts'

/** Errors that happen again if the job continues from its progress. */
const lasting: ReadonlySet<Code> = new Set([
  'FEED_TRUNCATED',
  'FEED_DROPPED',
  'FEED_GAP',
  'FEED_FELL_BEHIND',
  'FEED_CURSOR_TOO_OLD',
  'FEED_ROW',
])

/** `end` is the status that the job gets because of the error: only a paused one can be resumed or cancelled. */
export function wayOut(
  job: string,
  { code, hint }: Pick<FeedError, 'code' | 'hint'>,
  end: 'paused' | 'failed',
): string | undefined {
  if (code === 'FEED_SCHEMA_CHANGE' && end === 'paused') {
    return `RESUME JOB would stop here again: CANCEL JOB ${job}, then ${hint}`
  }
  if (!lasting.has(code)) return hint
  const anew =
    end === 'paused'
      ? `RESUME JOB would stop here again: CANCEL JOB ${job}, then CREATE CHANGEFEED anew, without cursor`
      : 'a failed job cannot be resumed: CREATE CHANGEFEED anew, without cursor'
  return code === 'FEED_ROW' && hint !== undefined ? `${hint}; ${anew}` : anew
}
