// How every connection to PostgreSQL is opened, by a client of ours, for a session of a client, or to cancel what another
// connection does. Encryption begins here, before `dial` settles.

import { connect, type IpcNetConnectOpts, type OnReadOpts, type Socket, type TcpNetConnectOpts } from 'node:net'
import { join } from 'node:path'
import { cancelPacket } from '../wire/frontend-messages.ts'

/** A machine that does not answer at all would be waited for for minutes. */
const dialMs = 10_000
/** The connection of a cancel request is closed after this time when the server does not close it. */
const cancelMs = 5000
const keepAliveMs = 30_000

/** The folder of the server's unix socket, or the host that it listens on. */
export type PostgresAddress =
  | { readonly socketDir: string; readonly host?: string; readonly port: number }
  | { readonly socketDir?: string | undefined; readonly host: string; readonly port: number }

/** The key that PostgreSQL gave to a connection; a cancel request has to show it. */
export interface BackendKey {
  readonly pid: number
  readonly secret: Buffer
}

export interface DialOptions {
  /** Reads into one buffer that is used again and again, instead of into new ones. */
  readonly onread?: OnReadOpts
  readonly signal?: AbortSignal
}

/** Settles when bytes can be sent. Rejects with the error of the socket, or when nothing answers in time. */
export async function dial(address: PostgresAddress, { onread, signal }: DialOptions = {}): Promise<Socket> {
  signal?.throwIfAborted()
  const socket = connect({ ...socketOptions(address), ...(onread === undefined ? {} : { onread }) })
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveMs)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const giveUp = (): void => reject(signal?.reason)
  const late = (): void => reject(new Error(`no answer within ${dialMs / 1000} s`))
  // On a busy machine the answer may be there by then and not have been read.
  const timer = setTimeout(() => setImmediate(late), dialMs)
  socket.once('connect', resolve)
  socket.once('error', reject)
  signal?.addEventListener('abort', giveUp)
  try {
    await promise
    return socket
  } catch (error) {
    socket.on('error', () => undefined)
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
    socket.off('error', reject)
    signal?.removeEventListener('abort', giveUp)
  }
}

/** Settles when PostgreSQL has signalled the process: a statement that is sent after that is not cancelled. */
export async function cancelBackend(address: PostgresAddress, { pid, secret }: BackendKey): Promise<void> {
  let socket
  try {
    socket = await dial(address)
  } catch {
    // A server that is gone runs nothing that could be cancelled.
    return
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('error', () => undefined)
  socket.on('close', () => resolve())
  // The server signals its process first and then closes the connection without an answer.
  socket.resume()
  socket.write(cancelPacket(pid, secret))
  socket.setTimeout(cancelMs, () => socket.destroy())
  await promise
}

function socketOptions({ socketDir, host, port }: PostgresAddress): TcpNetConnectOpts | IpcNetConnectOpts {
  return socketDir === undefined ? { host: host ?? '', port } : { path: join(socketDir, `.s.PGSQL.${port}`) }
}
