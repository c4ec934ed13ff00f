// A connection to PostgreSQL on one socket: it logs in, and then one call runs at a time.

import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { asFeedError, FeedError } from '../errors/feed-error.ts'
import { copyDoneMessage, queryMessage, startupPacket, terminateMessage } from '../wire/frontend-messages.ts'
import { fromClient, fromServer } from '../wire/tags.ts'
import { nameOf } from './addresses.ts'
import { BackendMessages, mostLoginBytes, readDataRow } from './backend-messages.ts'
import type { Standing } from './connect-in-turn.ts'
import { socketDirs } from './connection-string/hosts.ts'
import type { CopyBothStream, CopyHandler } from './copy-stream.ts'
import { cancelBackend, type BackendKey, type Dialed, type Route } from './dial.ts'
import { Login } from './login/login.ts'
import type { LoginTarget } from './login/passfile.ts'
import { readPassword } from './login/read-password.ts'
import { checkNotRefused, loginRefused, loginSucceeded } from './login/refused-logins.ts'
import { serverError } from './server-error.ts'
import type { SourceConnection } from './source-connection.ts'
import { tlsReason } from './tls/tls-errors.ts'

const closeMs = 1000
const protocol3 = 196608

/** The call that is under way. */
interface Call {
  /** Messages other than errors and ReadyForQuery. */
  readonly message: (tag: number, bytes: Buffer, start: number, end: number) => void
  /** In place of `message` for messages of COPY. */
  readonly copyRun?: (bytes: Buffer, start: number, end: number) => void
  readonly chunkDone?: () => void | Promise<void>
  /** The error of the server, while the call waits for the ReadyForQuery that follows it. */
  error?: FeedError
}

export interface StartOptions {
  readonly source: SourceConnection
  /** The parameters of the start-up packet. */
  readonly startup: ReadonlyMap<string, string>
}

export class SocketConnection {
  readonly route: Route
  readonly #dialed: Dialed
  readonly #socket: Socket
  readonly #messages = new BackendMessages((kind, bytes, start, end) => this.#dispatch(kind, bytes, start, end))
  #call: (Call & { readonly settle: PromiseWithResolvers<void> }) | undefined
  #isReady = false
  #isOpen = false
  /** A fatal error that came while nothing was asked. */
  #lastWords: FeedError | undefined
  #dead: FeedError | undefined
  #isClosing = false
  #reader: ((bytes: Buffer, length: number) => boolean) | undefined
  #secret = Buffer.alloc(4)
  /** What the server has said about its settings. */
  readonly #reported = new Map<string, string>()
  backendPid = 0
  /** The server has let us in without asking for a password, and not because of a certificate of ours. */
  isUnasked = false

  constructor(route: Route, dialed: Dialed) {
    this.route = route
    this.#dialed = dialed
    this.#socket = dialed.socket
    this.#socket.on('error', (error) => this.#die(this.#lost(tlsReason(error), error)))
    this.#socket.on('close', () => this.#die(this.#lastWords ?? this.#lost('it closed the connection')))
  }

  /** Settles when the server is ready for queries. */
  async start({ source, startup }: StartOptions): Promise<void> {
    const key = { server: nameOf(this.route), user: source.user }
    const login = new Login({
      ...source,
      certificate: this.#dialed.certificate,
      isUnixSocket: this.route.socketDir !== undefined,
      password: async () => {
        const password = await readPassword(source.password, passwordTarget(this.route, source))
        checkNotRefused(key, password)
        return password
      },
    })
    this.#messages.mostBytes = mostLoginBytes
    try {
      await this.#send(startupPacket(protocol3, startup), {
        message: (kind, bytes, start, end) => this.#takeStartup(login, { kind, bytes, start, end }),
      })
      if (!login.isOver) throw new FeedError('FEED_PROTOCOL', 'PostgreSQL began a session before it let us in')
      this.isUnasked = login.isUnasked && !hasOwnCertificate(this.#socket)
      this.#isReady = true
      this.#messages.mostBytes = Infinity
      loginSucceeded(key)
    } catch (error) {
      const { usedPassword: password } = login
      if (password !== undefined && error instanceof FeedError && error.sqlstate.startsWith('28')) {
        loginRefused(key, { password, error })
      }
      throw error
    }
  }

  /** To be called when the connection is complete: from then on an error says that it was lost. */
  opened(): void {
    this.#isOpen = true
  }

  /** Whether the server is a primary, which a pooler in between may not say at the start. */
  async standing(): Promise<Standing> {
    let isStandby = this.#reported.get('in_hot_standby')
    isStandby ??= (await this.query('SELECT pg_catalog.pg_is_in_recovery()'))[0]?.[0] === 't' ? 'on' : 'off'
    return isStandby === 'on' ? 'standby' : 'primary'
  }

  async query(sql: string): Promise<(string | null)[][]> {
    const rows: (string | null)[][] = []
    await this.#send(queryMessage(sql), {
      message: (kind, bytes, start) => {
        if (kind === fromServer.dataRow) rows.push(readDataRow(bytes, start))
      },
    })
    return rows
  }

  copyOut(sql: string, handler: CopyHandler): Promise<void> {
    return this.#send(queryMessage(sql), {
      message: (kind, bytes, start, end) => {
        if (kind === fromServer.copyData) handler.data(bytes, start, end)
      },
      ...(handler.run === undefined ? {} : { copyRun: (bytes, start, end) => handler.run?.(bytes, start, end) }),
      chunkDone: () => handler.chunkDone?.(),
    })
  }

  async copyBoth(sql: string, handler: CopyHandler): Promise<CopyBothStream> {
    const begun = Promise.withResolvers<void>()
    const done = this.#send(queryMessage(sql), {
      message: (kind, bytes, start, end) => {
        if (kind === fromServer.copyData) handler.data(bytes, start, end)
        else if (kind === fromServer.copyBothResponse) begun.resolve()
      },
      chunkDone: () => handler.chunkDone?.(),
    })
    done.then(() => begun.reject(this.#lost('it did not start replication')), begun.reject)
    await begun.promise
    let isEnding = false
    return {
      done,
      send: (payload) => {
        if (this.#dead !== undefined || isEnding) return
        const head = Buffer.allocUnsafe(5)
        head[0] = fromClient.copyData
        head.writeInt32BE(4 + payload.length, 1)
        this.#socket.write(Buffer.concat([head, payload]))
      },
      end: () => {
        if (!isEnding && this.#dead === undefined) this.#socket.write(copyDoneMessage)
        isEnding = true
        return done
      },
    }
  }

  cancel(): Promise<void> {
    return cancelBackend(this.route, this.key)
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#socket.once('close', () => resolve())
    this.#isClosing = true
    if (!this.#socket.destroyed) {
      this.#socket.write(terminateMessage)
      this.#socket.resume()
    }
    const timer = setTimeout(() => this.#socket.destroy(), closeMs)
    await promise
    clearTimeout(timer)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  destroy(): void {
    this.giveUp('we gave it up')
  }

  get socket(): Socket {
    return this.#socket
  }

  get key(): BackendKey {
    return { pid: this.backendPid, secret: this.#secret }
  }

  /** Gives everything that the server sends from now on to another client, which may write to `socket`. */
  handOver(read: (bytes: Buffer, length: number) => boolean): void {
    this.#reader = read
  }

  giveUp(why: string): void {
    this.#die(this.#lost(why))
  }

  #send(message: Buffer, call: Call): Promise<void> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead)
    if (this.#isClosing) return Promise.reject(this.#lost('we closed it'))
    if (this.#call !== undefined)
      return Promise.reject(new FeedError('FEED_BUG', 'two calls at a time on one connection'))
    const settle = Promise.withResolvers<void>()
    this.#call = { ...call, settle }
    this.#socket.write(message)
    return settle.promise
  }

  /** Takes what the socket has read, `buffer[0, length)`. Returns false to stop reading. */
  read(buffer: Buffer, length: number): boolean {
    if (this.#reader !== undefined) return this.#reader(buffer, length)
    if (this.#isClosing) return true
    try {
      const call = this.#call
      this.#messages.onCopyRun = call?.copyRun
      this.#messages.push(buffer, length)
      const wait = call === this.#call ? call?.chunkDone?.() : undefined
      if (wait === undefined) return true
      wait.then(
        () => this.#socket.resume(),
        (error: unknown) => this.#die(asFeedError(error)),
      )
    } catch (error) {
      this.#die(asFeedError(error))
    }
    return false
  }

  #dispatch(kind: number, bytes: Buffer, start: number, end: number): void {
    const call = this.#call
    if (kind === fromServer.errorResponse) {
      const error = serverError(bytes, start, end)
      // During start-up it is the last message; later ReadyForQuery or the end of the connection follows.
      if (!this.#isReady) this.#die(error)
      else if (call === undefined) this.#lastWords = error
      else call.error ??= error
    } else if (kind === fromServer.readyForQuery && call !== undefined) {
      this.#call = undefined
      if (call.error === undefined) call.settle.resolve()
      else call.settle.reject(call.error)
    } else call?.message(kind, bytes, start, end)
  }

  #die(error: FeedError): void {
    this.#dead ??= error
    const call = this.#call
    this.#call = undefined
    // The last error of the server says more than the closed socket that follows it.
    call?.settle.reject(call.error ?? this.#dead)
    this.#socket.destroy()
  }

  #takeStartup(login: Login, { kind, bytes, start, end }: StartupMessage): void {
    switch (kind) {
      case fromServer.authentication: {
        const answer = login.answer(bytes, start, end)
        if (answer instanceof Promise) {
          answer.then(
            (message) => this.#socket.write(message),
            (error: unknown) => this.#die(asFeedError(error)),
          )
        } else if (answer !== undefined) this.#socket.write(answer)
        return
      }
      case fromServer.parameterStatus: {
        const [name = '', value = ''] = bytes.toString('utf8', start, end).split('\0')
        this.#reported.set(name, value)
        return
      }
      case fromServer.keyData:
        this.backendPid = bytes.readInt32BE(start)
        this.#secret = Buffer.from(bytes.subarray(start + 4, end))
        return
    }
  }

  #lost(why: string, cause?: unknown): FeedError {
    const message = this.#isOpen ? `lost the connection to PostgreSQL at ${nameOf(this.route)}: ${why}` : why
    return new FeedError('FEED_SOURCE_DOWN', message, { cause })
  }
}

interface StartupMessage {
  readonly kind: number
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

/** Whether the server could have seen a client certificate. */
function hasOwnCertificate(socket: Socket): boolean {
  return socket instanceof TLSSocket && Object.keys(socket.getCertificate() ?? {}).length > 0
}

/** What a line of a password file has to match. The usual folders of unix sockets are `localhost` there. */
function passwordTarget({ host, port, socketDir }: Route, { user, database }: SourceConnection): LoginTarget {
  const isUsual = socketDir !== undefined && socketDirs.includes(socketDir)
  return { host: isUsual ? 'localhost' : host, port, user, database }
}
