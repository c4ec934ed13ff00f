// The SQL front: a PostgreSQL server to clients, a client to PostgreSQL. Every session has its own backend; bytes that
// are not ours pass through untouched in both directions, with back-pressure. The front frames messages, it does not
// understand SQL: a StatementHandler says which statements are not the server's and runs them.
//
// It refuses TLS for now, keeps no pool, and holds no state beyond its sessions.

import { randomInt } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from 'pino'
import { FeedError } from '../errors/feed-error.ts'
import { errorResponse } from '../wire/backend-writer.ts'
import { readStartup, requestCode } from '../wire/frontend-messages.ts'
import type { BackendAddress } from './backend-link.ts'
import type { StatementHandler } from './local-statement.ts'
import { Session, type RunningLocal } from './session.ts'

const maxStartupBytes = 10_000

export interface FrontOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly backend: BackendAddress
  readonly handler: StatementHandler
  /** For clients that name none. */
  readonly defaultDatabase: string
  readonly log: Logger
}

export interface RunningStatement {
  readonly id: string
  readonly sessionId: string
  readonly user: string
  readonly sql: string
  readonly startedAtMs: number
  readonly clientAddress: string
  readonly applicationName: string
}

export interface Front {
  readonly port: number
  /** Statements of ours; PostgreSQL knows its own. */
  runningStatements(): readonly RunningStatement[]
  /** False: there is none of that id. */
  cancelStatement(id: string): boolean
  close(): Promise<void>
}

export async function startFront(options: FrontOptions): Promise<Front> {
  const front = new FrontServer(options)
  await front.listen()
  return front
}

class FrontServer implements Front {
  readonly #options: FrontOptions
  readonly #server: Server
  /** By the key that a CancelRequest names. */
  readonly #sessions = new Map<string, Session>()
  readonly #sockets = new Set<Socket>()
  readonly #running = new Map<string, RunningLocal>()
  #nextPid = 1
  port = 0

  constructor(options: FrontOptions) {
    this.#options = options
    this.#server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) => this.#accept(socket))
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options.listen
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(host, port, error)))
      this.#server.listen(port, host === 'localhost' ? '127.0.0.1' : host, resolve)
    })
    const address = this.#server.address()
    this.port = address === null || typeof address === 'string' ? port : address.port
  }

  runningStatements(): readonly RunningStatement[] {
    return [...this.#running.values()].map(({ id, sql, startedAtMs, session }) => ({
      id,
      sql,
      startedAtMs,
      sessionId: session.id,
      user: session.user,
      clientAddress: session.clientAddress,
      applicationName: session.applicationName,
    }))
  }

  cancelStatement(id: string): boolean {
    const running = this.#running.get(id)
    running?.cancel()
    return running !== undefined
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const session of Array.from(this.#sessions.values())) session.shutDown()
    // A client that does not read its last message is not waited for.
    const giveUp = setTimeout(() => this.#sockets.forEach((socket) => socket.destroy()), 1000)
    await closed
    clearTimeout(giveUp)
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let held: Buffer = Buffer.alloc(0)
    const take = (chunk: Buffer): void => {
      held = Buffer.concat([held, chunk])
      while (held.length >= 8) {
        const length = held.readInt32BE(0)
        if (length < 8 || length > maxStartupBytes) {
          socket.destroy()
          return
        }
        if (held.length < length) return
        const packet = held.subarray(0, length)
        held = held.subarray(length)
        const code = packet.readInt32BE(4)
        if (code === requestCode.ssl || code === requestCode.gss) {
          // No TLS: the client goes on in the clear, or leaves.
          socket.write('N')
          continue
        }
        socket.off('data', take)
        if (code === requestCode.cancel) this.#cancel(socket, packet)
        else this.#begin(socket, packet, held)
        return
      }
    }
    socket.on('data', take)
  }

  #cancel(socket: Socket, packet: Buffer): void {
    if (packet.length >= 16) this.#sessions.get(`${packet.readInt32BE(8)}.${packet.readInt32BE(12)}`)?.cancel()
    socket.end()
  }

  #begin(socket: Socket, packet: Buffer, rest: Buffer): void {
    const { backend, handler, defaultDatabase } = this.#options
    try {
      const { version, parameters } = readStartup(packet)
      const named = parameters.get('database')
      // libpq names a database after the user when it is told none.
      if (named === undefined || (named === 'root' && parameters.get('user') === 'root')) {
        parameters.set('database', defaultDatabase)
      }
      const key = { pid: this.#nextPid++ & 0x7fffffff, secret: randomInt(0x7fffffff) }
      const name = `${key.pid}.${key.secret}`
      const session = new Session({
        socket,
        version,
        parameters,
        backend,
        handler,
        key,
        started: (running) => this.#running.set(running.id, running),
        ended: (id) => this.#running.delete(id),
        closed: () => this.#sessions.delete(name),
      })
      this.#sessions.set(name, session)
      if (rest.length > 0) socket.emit('data', rest)
    } catch (error) {
      socket.end(errorResponse(error, 'FATAL'))
    }
  }
}

export function cannotListen(host: string, port: number, error: NodeJS.ErrnoException): FeedError {
  if (error.code === 'EADDRINUSE') {
    return new FeedError('FEED_START', `port ${port} on ${host} is in use`, {
      hint: 'stop what listens there, or choose another port (0: a free one)',
      cause: error,
    })
  }
  return new FeedError('FEED_START', `cannot listen on ${host}:${port}: ${error.message}`, { cause: error })
}
