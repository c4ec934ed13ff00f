// The values of the option `format`: the names of formats, and old names that mean the same.

import { FeedError } from '../errors/feed-error.ts'
import type { FormatFacts } from './format-facts.ts'
import { formats } from './formats.ts'

export const defaultFormat = (formats[0] as FormatFacts).name

/** All values, the default first. */
export const formatNames: readonly string[] = [
  defaultFormat,
  ...formats
    .slice(1)
    .flatMap(({ name, oldNames }) => [name, ...Object.keys(oldNames ?? {})])
    .sort(),
]

export const builtFormatNames: readonly string[] = formatNames.filter((name) => formatOfName(name).open !== undefined)

/** `name` is in lower case. */
export function formatOfName(name: string): FormatFacts {
  const found = formats.find((format) => format.name === name || Object.hasOwn(format.oldNames ?? {}, name))
  if (found === undefined) throw noFormat(name)
  return found
}

/**
 * A statement with another format does not pass the checks, so this is a job that a later version has created. It is
 * retried, so that it survives until that version is started again.
 */
export function noFormat(name: string): FeedError {
  return new FeedError('FEED_LATER_VERSION', `this version of pg-changefeed has no format "${name}"`, {
    hint: 'start the version that created the changefeed, or a later one, and it goes on',
  })
}
