// The error of a job that stopped for so long that the changelog does not hold its next changes any more.

import { formatHlc } from '../core/hlc.ts'
import { readsLogFrom, type JobProgress } from '../core/job-progress.ts'
import { FeedError } from '../errors/feed-error.ts'

/** Replaces the error of the changelog for a job that continues: that error names a cursor, which the user has not given. */
export function explainFellBehind(error: unknown, resume: JobProgress | undefined): unknown {
  const from = resume === undefined ? undefined : readsLogFrom(resume)
  if (from === undefined || !(error instanceof FeedError) || error.code !== 'FEED_CURSOR_TOO_OLD') return error
  return new FeedError(
    'FEED_FELL_BEHIND',
    `the changes after ${formatHlc(from)}, where the job stopped, are not in the changelog any more: changefeed.changelog.retention or changefeed.changelog.max_size removed them, or somebody removed its files`,
    { hint: 'start a new changefeed with an initial scan', cause: error },
  )
}
