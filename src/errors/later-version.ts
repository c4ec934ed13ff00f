// The error of a job that a later version of pg-changefeed has created, with a sink or a format that this version does not know.

import { FeedError } from './feed-error.ts'

/** The error is retried, so that the job survives until the later version is started again. */
export function laterVersion(what: 'sink' | 'format', name: string): FeedError {
  return new FeedError('FEED_LATER_VERSION', `this version of pg-changefeed has no ${what} "${name}"`, {
    hint: 'start the version that created the changefeed, or a later one, and it goes on',
  })
}
