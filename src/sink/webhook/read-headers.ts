// Reads the headers of a webhook's requests: `webhook_auth_header`, `extra_headers`, and the user of the URI. The values may be
// secrets, so no error repeats them.

import { validateHeaderName, validateHeaderValue } from 'node:http'
import { FeedError } from '../../errors/feed-error.ts'
import type { MessageHeader } from '../sink-facts.ts'

export interface WrittenHeaders {
  readonly authorization: { readonly text: string | undefined; readonly position: number } | undefined
  /** The members of `extra_headers`. */
  readonly extra: readonly MessageHeader[]
  /** `user:password`; empty: there is none. */
  readonly user: string
}

/** Headers that describe the body or the connection. */
const ours: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export function readHeaders({ authorization, extra, user }: WrittenHeaders): readonly MessageHeader[] {
  const headers: MessageHeader[] = []
  const names = new Set<string>()
  const add = (option: string, { name, value }: MessageHeader, position?: number): void => {
    const refused = (what: string): FeedError => new FeedError('FEED_OPTION', `${option}: ${what}`, { position })
    const lower = name.toLowerCase()
    if (!isValid(() => validateHeaderName(name))) throw refused(`"${name}" is no name of an HTTP header`)
    if (ours.has(lower)) throw refused(`the header ${name} is set by the sink`)
    if (names.has(lower)) throw refused(`the header ${name} is given twice`)
    // Node checks the bytes of a value, and accepts those of Latin-1.
    if (!isValid(() => validateHeaderValue(name, value)))
      throw refused(`the value of ${name} has a character that no HTTP header may have`)
    names.add(lower)
    headers.push({ name: lower, value })
  }
  if (authorization?.text !== undefined)
    add('webhook_auth_header', { name: 'Authorization', value: authorization.text }, authorization.position)
  for (const header of extra) add('extra_headers', header)
  if (user !== '') {
    if (names.has('authorization')) throw twoCredentials(authorization)
    add('user', { name: 'Authorization', value: `Basic ${Buffer.from(user).toString('base64')}` })
  }
  return headers
}

/** Neither may be ignored: the endpoint would get other credentials than somebody expects. */
function twoCredentials(authorization: WrittenHeaders['authorization']): FeedError {
  const option = authorization?.text === undefined ? 'extra_headers' : 'webhook_auth_header'
  return new FeedError(
    'FEED_OPTION',
    `the sink URI has a user or a password, and ${option} gives the header Authorization, too`,
    {
      hint: 'remove user:password@ from the sink URI, or the header from the options; a user and a password become this header',
      position: authorization?.position,
    },
  )
}

function isValid(check: () => void): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}
