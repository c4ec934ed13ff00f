// Whom a request means. A page of somebody else can make a browser resolve its own name to this machine and read what is
// answered here; its requests still carry that name in their Host header. Names that we do not go by are not answered.

import type { IncomingMessage } from 'node:http'
import { isLoopback } from '../core/loopback.ts'

/** `names`: those that the server goes by, beside localhost and the address that it was reached at. */
export function isMeantForUs({ headers, socket }: IncomingMessage, names: readonly string[]): boolean {
  const host = /^(?:\[([^\]]+)\]|([^:]*))(?::\d+)?$/.exec(headers.host ?? '')
  const name = (host?.[1] ?? host?.[2] ?? '').toLowerCase().replace(/\.$/, '')
  if (name === '') return false
  const reachedAt = (socket.localAddress ?? '').replace(/^::ffff:/, '')
  return isLoopback(name) || name === reachedAt || names.some((known) => known.toLowerCase() === name)
}
