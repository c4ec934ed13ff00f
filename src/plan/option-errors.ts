// The errors of options. They point to the option in the statement.

import { FeedError } from '../errors/feed-error.ts'

export function optionError(
  option: { readonly position: number } | undefined,
  message: string,
  hint?: string,
): FeedError {
  return new FeedError('FEED_OPTION', message, { position: option?.position, hint })
}

const supportedHint = 'docs/reference/options.md lists the options and values that are supported'

/** Returns the error of an option or a value that is known and not built. */
export function notYet(what: string, position: number): FeedError {
  return new FeedError('FEED_UNSUPPORTED', `${what} is not supported yet`, { hint: supportedHint, position })
}
