// The parameters of a connection string of the form `name = value name = 'a value'`, as libpq reads it. A backslash takes the
// next character as it is, inside quotes and outside.

import { FeedError } from '../../errors/feed-error.ts'

/** Throws FEED_OPTION, with no part of a value in the message: it may be the password. */
export function parsePairs(text: string): Map<string, string> {
  const found = new Map<string, string>()
  const pair = /\s*([^\s=]+)\s*(=?)\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*)|)/sy
  const end = /\s*$/y
  for (;;) {
    end.lastIndex = pair.lastIndex
    if (end.test(text)) return found
    const match = pair.exec(text)
    if (match === null) throw wrong('a name is missing before "=" in the connection string')
    const [, name = '', equals, quoted, plain = ''] = match
    const known = /^\w{1,40}$/.test(name) ? `"${name}"` : 'a name'
    if (equals === '') throw wrong(`${known} is not followed by "=" in the connection string`, quotesHint)
    if (quoted === undefined && plain === '' && text[pair.lastIndex] === "'") {
      throw wrong(`the value of ${known} in the connection string has no closing quote`, quotesHint)
    }
    found.set(name, (quoted ?? plain).replace(/\\(.)/gs, '$1'))
  }
}

const quotesHint = `write values with spaces as 'a value', and \\' and \\\\ for quotes and backslashes in them`

function wrong(message: string, hint?: string): FeedError {
  return new FeedError('FEED_OPTION', message, { hint })
}
