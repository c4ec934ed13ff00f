// How every connection to PostgreSQL is opened: to one address, with encryption or without. It settles when bytes can be sent.
// Which addresses are tried, and in which order, is decided in connect-in-turn.ts.

import { connect, type IpcNetConnectOpts, type OnReadOpts, type Socket, type TcpNetConnectOpts } from 'node:net'
import { join } from 'node:path'
import { onAbort } from '../async/or-abort.ts'
import { cancelPacket } from '../wire/frontend-messages.ts'
import type { Address } from './addresses.ts'
import type { KeepAlive, ServerHost, TlsSettings } from './source-connection.ts'
import { encrypt } from './tls/encrypt.ts'

/** A machine that does not answer at all would be waited for for minutes. */
export const connectMs = 10_000
/** The connection of a cancel request is closed after this time when the server does not close it. */
const cancelMs = 5000
/** A machine that is gone is noticed after a minute of silence. */
const usualKeepAlive = { idleMs: 30_000, everyMs: 10_000, count: 3 } as const

/** One address of a server, and how it is reached there. */
export interface Route extends ServerHost {
  readonly at: Address
  /** Undefined: without encryption. */
  readonly tls?: TlsSettings | undefined
  readonly keepAlive?: KeepAlive | undefined
}

/** The key that PostgreSQL gave to a connection; a cancel request has to show it. */
export interface BackendKey {
  readonly pid: number
  readonly secret: Buffer
}

export interface DialOptions {
  /**
   * Reads into one buffer that is used again and again, instead of into new ones. Of an encrypted connection each record comes
   * in a buffer of its own, which the callback gets in place of this one.
   */
  readonly onread?: OnReadOpts | undefined
  readonly signal?: AbortSignal | undefined
  readonly withinMs?: number | undefined
}

export interface Dialed {
  readonly socket: Socket
  /** The certificate of the server, in DER; undefined: the connection is not encrypted. */
  readonly certificate: Buffer | undefined
}

/** Rejects with the error of the socket or of TLS, or when nothing answers in time. */
export async function dial(route: Route, { onread, signal, withinMs = connectMs }: DialOptions = {}): Promise<Dialed> {
  signal?.throwIfAborted()
  const { tls, keepAlive } = route
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  using _aborting = onAbort(signal, () => failed.reject(signal?.reason))
  // On a busy machine the answer may be there by then and not have been read.
  const late = (): void =>
    failed.reject(Object.assign(new Error(`no answer within ${withinMs / 1000} s`), { code: 'ELATE' }))
  const timer = setTimeout(() => setImmediate(late), withinMs)
  const socket = connect({ ...socketOptions(route), ...(tls === undefined && onread !== undefined ? { onread } : {}) })
  // The socket below TLS keeps this listener, because TLS reports its errors.
  socket.on('error', failed.reject)
  socket.setNoDelay(true)
  setKeepAlive(socket, keepAlive)
  try {
    await Promise.race([new Promise<void>((resolve) => socket.once('connect', () => resolve())), failed.promise])
    if (tls === undefined) {
      socket.off('error', failed.reject)
      return { socket, certificate: undefined }
    }
    return await Promise.race([encrypt(socket, { tls, host: route.host, onread }), failed.promise])
  } catch (error) {
    socket.on('error', () => undefined)
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Settles when PostgreSQL has signalled the process: a statement that is sent after that is not cancelled. */
export async function cancelBackend(route: Route, { pid, secret }: BackendKey): Promise<void> {
  let socket
  try {
    socket = (await dial(route)).socket
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

function socketOptions({ at, port }: Route): TcpNetConnectOpts | IpcNetConnectOpts {
  if (at.tag === 'ip') return { host: at.ip, port }
  const path = join(at.dir, `.s.PGSQL.${port}`)
  // As for libpq, "@" stands for the abstract sockets of Linux.
  return { path: path.startsWith('@') ? `\0${path.slice(1)}` : path }
}

function setKeepAlive(socket: Socket, { isOff, idleMs, everyMs, count }: KeepAlive = usualKeepAlive): void {
  if (isOff === true) return
  // Programs of Node before 26.4 ignore the last two.
  socket.setKeepAlive(
    true,
    idleMs ?? usualKeepAlive.idleMs,
    everyMs ?? usualKeepAlive.everyMs,
    count ?? usualKeepAlive.count,
  )
}
