// The SQL front: a PostgreSQL server for clients, and a client of PostgreSQL. Every session has its own backend; messages that
// are not for us pass unchanged in both directions, with back-pressure. The front finds the borders of messages, but does not
// understand SQL: a StatementHandler decides which statements are ours, and runs them.
//
// The front refuses TLS for now, has no pool of connections, and has no state besides its sessions.

import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from 'pino'
import { FeedError } from '../errors/feed-error.ts'
import { listenAt } from '../errors/listen-at.ts'
import type { PostgresAddress } from '../postgres/dial.ts'
import { errorResponse } from '../wire/backend-writer.ts'
import { readStartup } from '../wire/frontend-messages.ts'
import { shakeHands } from './handshake.ts'
import type { StatementHandler } from './local-statement.ts'
import type { RunningStatements } from './running-statements.ts'
import { Session } from './session.ts'

/** TCP keep-alive probes a silent client after this time, so that a broken connection is noticed. */
const keepAliveMs = 60_000

const protocolMajor = 3

/** `close` waits at most this time for clients to read their last message, and for statements to stop. */
const closeWithinMs = 1000

export interface FrontOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly backend: PostgresAddress
  readonly handler: StatementHandler
  /** The list of the statements of ours that run. */
  readonly running: RunningStatements
  /** The database for clients that name none. */
  readonly defaultDatabase: string
  /** The largest number of sessions at a time; another one is refused with PostgreSQL's error. */
  readonly maxSessions?: number | undefined
  readonly log?: Logger | undefined
}

export async function startFront(options: FrontOptions): Promise<Front> {
  const front = new Front(options)
  await front.listen()
  return front
}

export class Front {
  readonly #options: FrontOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** The sockets of clients that have a session. */
  readonly #begun = new WeakSet<Socket>()
  readonly #sessions = new Set<Session>()
  /** The sessions by the key that a CancelRequest contains. */
  readonly #keys = new Map<string, Session>()
  port = 0

  constructor(options: FrontOptions) {
    this.#options = options
    const socketOptions = { noDelay: true, allowHalfOpen: false, keepAlive: true, keepAliveInitialDelay: keepAliveMs }
    this.#server = createServer(socketOptions, (socket) => this.#accept(socket))
  }

  async listen(): Promise<void> {
    this.port = await listenAt(this.#server, { ...this.#options.listen, flag: '--listen-addr' })
  }

  async close(): Promise<void> {
    const startedAtMs = Date.now()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const session of this.#sessions) session.shutDown()
    const giveUp = setTimeout(() => this.#sockets.forEach((socket) => socket.destroy()), closeWithinMs)
    // A client without a session has sent no request yet, so its socket is closed without a message.
    for (const socket of this.#sockets) if (!this.#begun.has(socket)) socket.destroy()
    await closed
    clearTimeout(giveUp)
    // The caller next closes the parts of the server that statements of ours use.
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
        running,
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

/** Throws for other major versions of the protocol. The minor version is left to PostgreSQL. */
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
