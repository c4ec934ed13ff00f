// Checks the Host header of requests. A foreign web page can make a browser resolve the page's own name to this machine, and
// could read our answers (DNS rebinding). The Host header of such requests contains that foreign name, so requests with a name
// that is not ours are refused.

import type { IncomingMessage } from 'node:http'
import { isLoopback } from '../core/loopback.ts'

/** `names` are allowed in addition to localhost and the address at which the request arrived. */
export function isMeantForUs({ headers, socket }: IncomingMessage, names: readonly string[]): boolean {
  const host = /^(?:\[([^\]]+)\]|([^:]*))(?::\d+)?$/.exec(headers.host ?? '')
  const name = (host?.[1] ?? host?.[2] ?? '').toLowerCase().replace(/\.$/, '')
  if (name === '') return false
  const reachedAt = (socket.localAddress ?? '').replace(/^::ffff:/, '')
  return isLoopback(name) || name === reachedAt || names.some((known) => known.toLowerCase() === name)
}
