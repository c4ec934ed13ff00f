// The SQL front: a PostgreSQL server to clients, a client to PostgreSQL. Every session has its own backend; bytes that
// are not ours pass through untouched in both directions, with back-pressure. The front frames messages, it does not
// understand SQL: a StatementHandler says which statements are not the server's and runs them.
//
// It refuses TLS for now, keeps no pool, and holds no state beyond its sessions.

import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from 'pino'
import { cannotListen } from '../errors/cannot-listen.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { PostgresAddress } from '../postgres/dial.ts'
import { errorResponse } from '../wire/backend-writer.ts'
import { readStartup } from '../wire/frontend-messages.ts'
import { shakeHands } from './handshake.ts'
import type { StatementHandler } from './local-statement.ts'
import type { RunningStatements } from './running-statements.ts'
import { Session } from './session.ts'

/** TCP keep-alive probes a silent client after this time, so that one that is gone is noticed. */
const keepAliveMs = 60_000

const protocolMajor = 3

/** A client that does not read its last message is not waited for; nor is a statement that does not stop. */
const closeWithinMs = 1000

export interface FrontOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly backend: PostgresAddress
  readonly handler: StatementHandler
  /** Lists the statements of ours while they run. */
  readonly running: RunningStatements
  /** The database of clients that name none. */
  readonly defaultDatabase: string
  /** The most sessions at a time; one more is refused as PostgreSQL refuses it. */
  readonly maxSessions?: number | undefined
  readonly log?: Logger | undefined
}

export interface Front {
  readonly port: number
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
  readonly #sockets = new Set<Socket>()
  /** Sockets whose client has sent its start-up and has a session. */
  readonly #begun = new WeakSet<Socket>()
  readonly #sessions = new Set<Session>()
  /** Sessions by the key that a CancelRequest shows. */
  readonly #keys = new Map<string, Session>()
  port = 0

  constructor(options: FrontOptions) {
    this.#options = options
    const socketOptions = { noDelay: true, allowHalfOpen: false, keepAlive: true, keepAliveInitialDelay: keepAliveMs }
    this.#server = createServer(socketOptions, (socket) => this.#accept(socket))
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options.listen
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) =>
        reject(cannotListen({ host, port, flag: '--listen-addr' }, error)),
      )
      this.#server.listen(port, host === 'localhost' ? '127.0.0.1' : host, resolve)
    })
    const address = this.#server.address()
    this.port = address === null || typeof address === 'string' ? port : address.port
  }

  async close(): Promise<void> {
    const startedAtMs = Date.now()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const session of this.#sessions) session.shutDown()
    const giveUp = setTimeout(() => this.#sockets.forEach((socket) => socket.destroy()), closeWithinMs)
    // A client without a session has asked for nothing yet, so its socket is closed without a message.
    for (const socket of this.#sockets) if (!this.#begun.has(socket)) socket.destroy()
    await closed
    clearTimeout(giveUp)
    // The caller closes next what statements of ours use.
    await this.#options.running.ended(startedAtMs + closeWithinMs - Date.now())
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    shakeHands({
      socket,
      cancel: (packet) => {
        if (packet.length >= 16) this.#keys.get(keyName(packet.readInt32BE(8), packet.readInt32BE(12)))?.cancel()
        socket.end()
      },
      begin: (packet, rest) => this.#begin(socket, packet, rest),
    })
  }

  #begin(socket: Socket, packet: Buffer, rest: Buffer): void {
    const { backend, handler, running, defaultDatabase, maxSessions = Infinity, log } = this.#options
    try {
      if (this.#sessions.size >= maxSessions) {
        throw new FeedError('FEED_STATE', 'sorry, too many clients already', {
          sqlstate: '53300',
          hint: `this server takes ${maxSessions} connections: close some, or put a pool in front of it`,
        })
      }
      checkVersion(packet.readInt32BE(4))
      const { version, parameters } = readStartup(packet)
      const named = parameters.get('database')
      // libpq sends the user's name as the database when none is named.
      if (named === undefined || (named === 'root' && parameters.get('user') === 'root')) {
        parameters.set('database', defaultDatabase)
      }
      let key = ''
      const session: Session = new Session({
        socket,
        version,
        parameters: handler.startup?.(parameters) ?? parameters,
        backend,
        handler,
        log,
        keyGiven: (pid, secret) => {
          key = keyName(pid, secret)
          this.#keys.set(key, session)
        },
        started: (run) => running.add(run),
        ended: (run) => running.remove(run),
        closed: () => {
          this.#keys.delete(key)
          this.#sessions.delete(session)
        },
      })
      this.#begun.add(socket)
      this.#sessions.add(session)
      if (rest.length > 0) session.take(rest)
    } catch (error) {
      socket.end(errorResponse(error, 'FATAL'))
    }
  }
}

/** Of the minor version PostgreSQL says itself what it speaks. */
function checkVersion(version: number): void {
  const major = version >>> 16
  if (major === protocolMajor) return
  throw new FeedError(
    'FEED_STATE',
    `unsupported frontend protocol ${major}.${version & 0xffff}: server supports ${protocolMajor}.0`,
    { sqlstate: '0A000', hint: 'use a client of PostgreSQL 7.4 or later' },
  )
}

function keyName(pid: number, secret: number): string {
  return `${pid}.${secret}`
}
