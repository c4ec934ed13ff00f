// The error that a server cannot be reached, with the reason and a hint.

import { commandName } from '../core/command-line.ts'
import { FeedError } from '../errors/feed-error.ts'
import { urlHost } from './address.ts'

/** Without this limit, a command would wait for minutes for a machine that does not answer at all. */
export const connectWithinMs = 15_000

/** Returns errors of the server itself unchanged. */
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
  // If a name has several addresses, Node throws an error without a message that contains the errors of all addresses.
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
