// Whether a request comes from a process of this machine. A proxy on this machine speaks for others: its requests do not count, as far as it
// says what it is.

import type { IncomingMessage } from 'node:http'
import { isLoopback } from '../core/loopback.ts'

/** Proxies send one of them. */
const headersOfProxies = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via']

export function isOfProxy({ headers }: IncomingMessage): boolean {
  return headersOfProxies.some((name) => headers[name] !== undefined)
}

/** From a loopback address. */
export function isFromThisMachine({ socket }: IncomingMessage): boolean {
  return isLoopback((socket.remoteAddress ?? '').replace(/^::ffff:/, ''))
}

/** From a loopback address, or from the address at which it arrived, by a program that is neither a web page nor a proxy. */
export function isFromOwnProgram(request: IncomingMessage): boolean {
  const { socket, headers } = request
  if (headers.origin !== undefined || isOfProxy(request)) return false
  return isFromThisMachine(request) || socket.remoteAddress === socket.localAddress
}
