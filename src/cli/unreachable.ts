// Why a server could not be reached, in words, with what to do about it.

import { commandName } from '../core/command-line.ts'
import { FeedError } from '../errors/feed-error.ts'
import { urlHost } from './address.ts'

/** A machine that does not answer at all would else be waited for for minutes. */
export const connectWithinMs = 15_000

/** Gives errors of the server itself back as they are. */
export function unreachable({ host, port }: { readonly host: string; readonly port: number }, error: Error): Error {
  const at = `${urlHost(host)}:${port}`
  const [why, hint] = reason(error, { host, port }) ?? []
  if (why === undefined) return error
  return new FeedError('FEED_SOURCE_DOWN', `cannot connect to ${at}: ${why}`, { hint, cause: error })
}

function reason(
  error: Error,
  { host, port }: { readonly host: string; readonly port: number },
): readonly [why: string, hint: string] | undefined {
  // A name with several addresses: Node gives the errors of all of them, without words of its own.
  const first: Error = error instanceof AggregateError ? (error.errors[0] ?? error) : error
  const { code = '' } = first as { readonly code?: string }
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return [
        'nothing listens there',
        `is the server running? ${commandName()} start-single-node --insecure --background`,
      ]
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
      return [`the name ${host} does not resolve to an address`, 'check how it is written']
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return ['no answer', 'check host and port; a firewall may be in between']
    case 'ECONNRESET':
      return ['the connection was closed', `is port ${port} that of SQL? HTTP has another`]
    default:
  }
  if (/timeout expired/i.test(first.message)) {
    return [`no answer within ${connectWithinMs / 1000} s`, 'check host and port: is it that of SQL? HTTP has another']
  }
  if (/Connection terminated unexpectedly/i.test(first.message)) {
    return ['the connection was closed', `is port ${port} that of SQL? HTTP has another`]
  }
  return undefined
}
