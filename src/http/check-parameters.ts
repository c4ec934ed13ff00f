// Which parameters a request may have.

import { nearestName } from '../core/nearest-name.ts'
import { FeedError } from '../errors/feed-error.ts'

/**
 * Refuses a parameter that the request does not have, and one that is given twice and is not among the `repeated`: one that is misspelt would be
 * ignored without a word.
 */
export function checkParameters(url: URL, known: readonly string[], repeated: readonly string[] = []): void {
  checkNames(new Set(url.searchParams.keys()), known, 'parameter')
  const twice = known.find((name) => !repeated.includes(name) && url.searchParams.getAll(name).length > 1)
  if (twice !== undefined)
    throw new FeedError('FEED_OPTION', `${twice} is given more than once`, {
      hint: 'only one of its values could count: leave out the others',
    })
}

/** The same for names of whatever kind. What belongs to them may be a secret. */
export function checkNames(names: Iterable<string>, known: readonly string[], what: 'parameter' | 'member'): void {
  for (const name of names) {
    if (known.includes(name)) continue
    const meant = nearestName(name, known)
    // A long name is none, but the beginning of something else.
    throw new FeedError('FEED_OPTION', `unknown ${what}${name.length > 60 ? '' : ` ${name}`}`, {
      hint:
        meant !== undefined
          ? `did you mean ${meant}?`
          : known.length === 0
            ? `this request takes no ${what}s`
            : `the ${what}s are ${known.join(', ')}`,
    })
  }
}
