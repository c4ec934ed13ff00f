import { FeedError } from '../errors/feed-error.ts'

/** The error of an option or a value that is known and not built. */
export function notYet(what: string, position: number): FeedError {
  const hint = 'docs/reference/options.md lists the options and values that are supported'
  return new FeedError('FEED_UNSUPPORTED', `${what} is not supported yet`, { hint, position })
}
