// Listens at an address. If that is not possible, the error has a hint what to do.

import type { Server } from 'node:net'
import { FeedError } from './feed-error.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
  /** The flag of the command line that names the address. */
  readonly flag: string
}

/** Listens, and returns the port. */
export async function listenAt(server: Server, at: ListenAddress): Promise<number> {
  const { host, port } = at
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(at, error)))
    server.listen(port, host === 'localhost' ? '127.0.0.1' : host, resolve)
  })
  const address = server.address()
  return address === null || typeof address === 'string' ? port : address.port
}

function cannotListen({ host, port, flag }: ListenAddress, error: NodeJS.ErrnoException): FeedError {
  const at = `${host.includes(':') ? `[${host}]` : host}:${port}`
  switch (error.code) {
    case 'EADDRINUSE':
      return new FeedError('FEED_START', `port ${port} on ${host} is in use`, {
        hint: `stop what listens there, or choose another port with ${flag} (0: a free one)`,
        cause: error,
      })
    case 'EACCES':
    case 'EPERM':
      return new FeedError('FEED_START', `this user may not listen on port ${port} of ${host}`, {
        hint: 'choose a port from 1024 on',
        cause: error,
      })
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
      return new FeedError('FEED_START', `cannot listen on ${at}: the name ${host} does not resolve to an address`, {
        hint: 'check how it is written, or use localhost',
        cause: error,
      })
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
      return new FeedError('FEED_START', `cannot listen on ${at}: this machine has no address ${host}`, {
        hint: "use localhost, or the name or address of one of this machine's network interfaces",
        cause: error,
      })
    default:
      return new FeedError('FEED_START', `cannot listen on ${at}: ${error.message}`, { cause: error })
  }
}
