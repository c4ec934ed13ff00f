// libpq's require_auth: the ways of authentication that a server may ask for, or, with `!` before each, those that it may not.

import { FeedError } from '../../errors/feed-error.ts'

export const authMethods = ['password', 'md5', 'gss', 'sspi', 'scram-sha-256', 'oauth', 'none'] as const
export type AuthMethod = (typeof authMethods)[number]

/** Returns the ways that are allowed; undefined: all are. */
export function readRequireAuth(text: string | undefined): readonly AuthMethod[] | undefined {
  if (text === undefined) return undefined
  const words = text.split(',').map((word) => word.trim())
  const isNegative = words[0]?.startsWith('!') ?? false
  const named = words.map((word) => {
    if (word.startsWith('!') !== isNegative) {
      throw new FeedError('FEED_OPTION', 'require_auth has methods with and without "!", which cannot be mixed')
    }
    const method = authMethods.find((known) => known === (isNegative ? word.slice(1) : word))
    if (method === undefined) throw new FeedError('FEED_OPTION', `require_auth may name ${authMethods.join(', ')}`)
    return method
  })
  if (new Set(named).size < named.length) throw new FeedError('FEED_OPTION', 'require_auth names a method twice')
  return isNegative ? authMethods.filter((method) => !named.includes(method)) : named
}
