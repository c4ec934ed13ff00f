// How a connection to a PostgreSQL is opened, and how what one of its processes does is cancelled.

import { connect, type IpcNetConnectOpts, type TcpNetConnectOpts } from 'node:net'
import { join } from 'node:path'
import { cancelPacket } from '../wire/frontend-messages.ts'

/** The connection of a cancel request is closed after this time when the server does not close it. */
const cancelMs = 5000

/** The folder of the server's unix socket, or the host that it listens on. */
export type PostgresAddress =
  | { readonly socketDir: string; readonly host?: string; readonly port: number }
  | { readonly socketDir?: string | undefined; readonly host: string; readonly port: number }

/** The key that PostgreSQL gave to a connection; a cancel request has to show it. */
export interface BackendKey {
  readonly pid: number
  readonly secret: Buffer
}

/** The options of node:net that connect to the address. */
export function socketOptions({ socketDir, host, port }: PostgresAddress): TcpNetConnectOpts | IpcNetConnectOpts {
  return socketDir === undefined ? { host: host ?? '', port } : { path: join(socketDir, `.s.PGSQL.${port}`) }
}

/** Settles when PostgreSQL has signalled the process: a statement that is sent after that is not cancelled. */
export function cancelBackend(address: PostgresAddress, { pid, secret }: BackendKey): Promise<void> {
  const socket = connect(socketOptions(address))
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('error', () => undefined)
  socket.on('close', () => resolve())
  // The server signals its process first and then closes the connection without an answer.
  socket.resume()
  socket.write(cancelPacket(pid, secret))
  socket.setTimeout(cancelMs, () => socket.destroy())
  return promise
}
