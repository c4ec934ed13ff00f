// Where the PostgreSQL of a session listens, and the request to cancel what one of its processes does.

import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { cancelPacket } from '../wire/frontend-messages.ts'

/** The connection of a cancel request is closed after this time when the server does not close it. */
const cancelMs = 5000

export type BackendAddress =
  | { readonly socketDir: string; readonly port: number }
  | { readonly host: string; readonly port: number }

/** The key that PostgreSQL gave to a connection; a cancel request has to show it. */
export interface BackendKey {
  readonly pid: number
  readonly secret: Buffer
}

export function connectTo(address: BackendAddress): Socket {
  return 'socketDir' in address
    ? connect({ path: join(address.socketDir, `.s.PGSQL.${address.port}`) })
    : connect({ host: address.host, port: address.port })
}

/** Settles when PostgreSQL has signalled the process: a statement that is sent after that is not cancelled. */
export function cancelBackend(address: BackendAddress, { pid, secret }: BackendKey): Promise<void> {
  const socket = connectTo(address)
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('error', () => undefined)
  socket.on('close', () => resolve())
  // The server signals its process first and then closes the connection without an answer.
  socket.resume()
  socket.write(cancelPacket(pid, secret))
  socket.setTimeout(cancelMs, () => socket.destroy())
  return promise
}
