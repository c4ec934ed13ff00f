// The SQL front: a PostgreSQL server for clients, and a client of PostgreSQL. Every session has its own backend; messages that
// are not for us pass unchanged in both directions, with back-pressure. The front finds the borders of messages, but does not
// understand SQL: a StatementHandler decides which statements are ours, and runs them.
//
// PostgreSQL decides who a client is: logins pass through (login.ts). TLS of clients ends here (front-tls.ts). The front has no pool
// of connections, and no state besides its sessions.

import { createServer, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Logger } from 'pino'
import { FeedError } from '../errors/feed-error.ts'
import { listenAt } from '../errors/listen-at.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { errorResponse } from '../wire/backend-writer.ts'
import { readStartup } from '../wire/frontend-messages.ts'
import type { FrontTls } from './front-tls.ts'
import { shakeHands, type TlsBeginning } from './handshake.ts'
import { legOf } from './leg.ts'
import type { StatementHandler } from './local-statement.ts'
import { noClientCertificate, onlyEncrypted } from './login-errors.ts'
import { LoginSlots, type LoginLimits, type LoginSlot } from './login-slots.ts'
import type { RunningStatements } from './running-statements.ts'
import { Session } from './session.ts'

/** TCP keep-alive probes a silent client after this time, so that a broken connection is noticed. */
const keepAliveMs = 60_000

const protocolMajor = 3

/** So many connections may be open that have not said what they want; the oldest of them gives way to another one. */
const mostStrangers = 1000

/** `close` waits at most this time for clients to read their last message, and for statements to stop. */
const closeWithinMs = 1000

export interface FrontOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly backend: SourceConnection
  readonly handler: StatementHandler
  /** The list of the statements of ours that run. */
  readonly running: RunningStatements
  /** The database for clients that name none. */
  readonly defaultDatabase: string
  /** The name of a user which, as the name of a database, means that none is named. */
  readonly unnamedUser?: string | undefined
  /** The largest number of sessions at a time; another one is refused with PostgreSQL's error. */
  readonly maxSessions?: number | undefined
  /** Undefined: clients cannot encrypt their connections. */
  readonly tls?: FrontTls | undefined
  /** The rules for a PostgreSQL whose users have passwords; undefined: everybody who reaches the front is let in. */
  readonly logins?: LoginRules | undefined
  readonly log?: Logger | undefined
}

export interface LoginRules {
  /** Clients of other machines need no TLS, and nobody needs a password that PostgreSQL does not ask for. */
  readonly isInsecure: boolean
  readonly limits: LoginLimits
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
  /** The sockets of clients that have a session, and those in which TLS runs. */
  readonly #begun = new WeakSet<Socket>()
  /** The clients that have not sent their start-up packet, by address; that is the same before TLS and inside of it. */
  readonly #strangers = new Map<string, Socket>()
  readonly #sessions = new Set<Session>()
  readonly #slots: LoginSlots | undefined
  /** The sessions by the key that a CancelRequest contains. */
  readonly #keys = new Map<string, Session>()
  port = 0

  constructor(options: FrontOptions) {
    this.#options = options
    if (options.logins !== undefined) this.#slots = new LoginSlots(options.logins.limits)
    options.tls?.onReady((socket) => this.#accept(socket))
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

  /** Begins the protocol on a new connection, and again inside of its TLS. */
  #accept(socket: Socket): void {
    const { tls } = this.#options
    this.#sockets.add(socket)
    const peer = peerOf(socket)
    this.#strangers.set(peer, socket)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.#strangers.delete(peer)
    })
    const [oldest] = this.#strangers.values()
    if (this.#strangers.size > mostStrangers) oldest?.destroy()
    socket.on('error', () => socket.destroy())
    const encrypt = (how: TlsBeginning): void => {
      this.#begun.add(socket)
      tls?.begin(socket, how)
    }
    shakeHands({
      socket,
      cancel: (packet) => {
        if (packet.length >= 16) this.#keys.get(keyName(packet.readInt32BE(8), packet.readInt32BE(12)))?.cancel()
        socket.end()
      },
      begin: (packet, rest) => this.#begin(socket, packet, rest),
      encrypt: tls === undefined || socket instanceof TLSSocket ? undefined : encrypt,
    })
  }

  #begin(socket: Socket, packet: Buffer, rest: Buffer): void {
    this.#strangers.delete(peerOf(socket))
    try {
      checkVersion(packet.readInt32BE(4))
      this.#checkTls(socket)
      if (this.#slots === undefined) this.#open(socket, packet, rest)
      else this.#enter(socket, packet, rest)
    } catch (error) {
      socket.end(errorResponse(error, 'FATAL'))
    }
  }

  #checkTls(socket: Socket): void {
    const { tls, logins } = this.#options
    if (tls === undefined) return
    if (!(socket instanceof TLSSocket)) {
      if (logins?.isInsecure !== true && !legOf(socket).isLocal) throw onlyEncrypted()
    } else if (tls.asksForCertificates && !socket.authorized) {
      // Without a certificate there is a reason, too, which does not say that there was none.
      const hasShown = socket.getPeerX509Certificate() !== undefined
      throw noClientCertificate(hasShown ? String(socket.authorizationError) : undefined)
    }
  }

  /** Opens the session when it is the client's turn. */
  #enter(socket: Socket, packet: Buffer, rest: Buffer): void {
    let session: Session | undefined
    // Nobody reads what comes until then.
    socket.pause()
    const slot = this.#slots?.enter({
      address: socket.remoteAddress ?? '',
      begin: (mine) => {
        try {
          session = this.#open(socket, packet, rest, mine)
          socket.resume()
        } catch (error) {
          mine.leave()
          socket.end(errorResponse(error, 'FATAL'))
        }
      },
      failed: (error) => {
        if (session === undefined) socket.end(errorResponse(error, 'FATAL'))
        else session.refuse(error)
      },
    })
    socket.once('close', () => slot?.leave())
  }

  #open(socket: Socket, packet: Buffer, rest: Buffer, slot?: LoginSlot): Session {
    const {
      backend,
      handler,
      running,
      defaultDatabase,
      unnamedUser,
      maxSessions = Infinity,
      log,
      tls,
      logins,
    } = this.#options
    if (this.#sessions.size >= maxSessions) {
      throw new FeedError('FEED_STATE', 'sorry, too many clients already', {
        sqlstate: '53300',
        hint: `this server takes ${maxSessions} connections: close some, or put a pool in front of it`,
      })
    }
    const { version, parameters } = readStartup(packet)
    const named = parameters.get('database')
    // libpq sends the user's name as the database when none is named.
    if (named === undefined || (named === unnamedUser && parameters.get('user') === unnamedUser)) {
      parameters.set('database', defaultDatabase)
    }
    let key = ''
    const session: Session = new Session({
      socket,
      version,
      parameters: handler.startup?.(parameters) ?? parameters,
      backend,
      handler,
      client: legOf(socket, tls?.certificate.raw),
      acceptsUnasked: logins?.isInsecure ?? true,
      slot,
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
    return session
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

function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

function keyName(pid: number, secret: number): string {
  return `${pid}.${secret}`
}
