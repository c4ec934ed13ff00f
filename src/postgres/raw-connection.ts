// One connection to a source, on the level of protocol messages: simple queries, COPY out, and the replication stream. It is for reading
// rows; everything else may use an ordinary client.
//
// A handler gets rows in the buffer of the socket, without a copy; they are valid during the call. If a handler returns a promise,
// reading stops until it settles, so that memory is limited by the read buffer and the kernel. One call runs at a time. When the connection dies every open call rejects with FEED_SOURCE_DOWN; what the server refuses is
// FEED_SOURCE_REFUSED with its own words.

import type { Socket } from 'node:net'
import { asFeedError, FeedError } from '../errors/feed-error.ts'
import { copyDoneMessage, queryMessage, startupPacket, terminateMessage } from '../wire/frontend-messages.ts'
import { fromClient, fromServer } from '../wire/tags.ts'
import { authenticate } from './authenticate.ts'
import { BackendMessages, readDataRow } from './backend-messages.ts'
import { cancelBackend, dial } from './dial.ts'
import { serverError } from './server-error.ts'
import { laterParametersSql, rowTextParameters, type SourceConnection } from './source-connection.ts'

export interface RawConnectionOptions {
  readonly source: SourceConnection
  /** Makes a connection for replication, with replication=database. */
  readonly replication?: boolean
  /** Replaces `rowTextParameters`. */
  readonly parameters?: Readonly<Record<string, string>>
  readonly applicationName?: string
  readonly readBufferBytes?: number
}

export interface CopyHandler {
  /** Gets the payload of one CopyData message, `bytes[start, end)`. */
  data(bytes: Buffer, start: number, end: number): void
  /** Called after all messages of a read from the socket; reading continues when the promise settles. */
  chunkDone?(): void | Promise<void>
}

export interface CopyBothStream {
  /** Resolves after `end`; rejects if the server ends the stream with an error or the connection is lost. */
  readonly done: Promise<void>
  /** Sends a CopyData payload. */
  send(payload: Uint8Array): void
  /**
   * Ends the stream; messages that are already on their way still reach the handler. The connection can be used for queries after
   * that, but not for another stream: PostgreSQL ends a second stream at once.
   */
  end(): Promise<void>
}

export interface RawConnection extends AsyncDisposable {
  readonly backendPid: number
  /** Runs a simple query; returns the rows of all its results in order, as text. */
  query(sql: string): Promise<(string | null)[][]>
  /** Runs COPY … TO STDOUT. */
  copyOut(sql: string, handler: CopyHandler): Promise<void>
  /** Runs START_REPLICATION …; settles when the stream has begun. */
  copyBoth(sql: string, handler: CopyHandler): Promise<CopyBothStream>
  /** Asks the server, on another connection, to cancel the running statement of this one. */
  cancel(): Promise<void>
  /** Settles when the server has closed the connection, or after a second. */
  close(): Promise<void>
  /** Closes the socket; every open call rejects. */
  destroy(): void
}

/** From the start-up packet until the server is ready for queries. */
const startMs = 10_000
const closeMs = 1000
const protocol3 = 196608

export async function openRawConnection(options: RawConnectionOptions): Promise<RawConnection> {
  const { source, readBufferBytes } = options
  const buffer = Buffer.allocUnsafeSlow(readBufferBytes ?? 256 * 1024)
  let connection: SocketConnection | undefined
  // PostgreSQL says nothing before it has the start-up packet.
  const callback = (length: number): boolean => connection?.read(buffer, length) ?? true
  const socket = await dial(source, { onread: { buffer, callback } }).catch((error: Error) => {
    throw down(error.message, error)
  })
  connection = new SocketConnection(source, socket)
  await connection.start(options)
  return connection
}

/** Runs one query on a connection of its own. */
export async function queryOnce(source: SourceConnection, sql: string): Promise<(string | null)[][]> {
  await using connection = await openRawConnection({ source })
  return await connection.query(sql)
}

/** The call that is under way. */
interface Call {
  /** Messages other than errors and ReadyForQuery. */
  readonly message: (tag: number, bytes: Buffer, start: number, end: number) => void
  readonly chunkDone?: () => void | Promise<void>
  /** The error of the server, while the call waits for the ReadyForQuery that follows it. */
  error?: FeedError
}

class SocketConnection implements RawConnection {
  readonly #source: SourceConnection
  readonly #socket: Socket
  readonly #messages = new BackendMessages((kind, bytes, start, end) => this.#dispatch(kind, bytes, start, end))
  #call: (Call & { readonly settle: PromiseWithResolvers<void> }) | undefined
  #isReady = false
  /** A fatal error that came while nothing was asked. */
  #lastWords: FeedError | undefined
  #dead: FeedError | undefined
  #isClosing = false
  #secret = Buffer.alloc(4)
  backendPid = 0

  constructor(source: SourceConnection, socket: Socket) {
    this.#source = source
    this.#socket = socket
    this.#socket.on('error', (error) => this.#die(down(error.message, error)))
    this.#socket.on('close', () => this.#die(this.#lastWords ?? down('it closed the connection')))
  }

  /** Settles when the server is ready for queries. */
  async start({ source, replication, applicationName, parameters }: RawConnectionOptions): Promise<void> {
    const all = new Map([
      ['user', source.user],
      ['database', source.database],
      ['application_name', applicationName ?? 'pg-changefeed'],
      ...Object.entries(parameters ?? rowTextParameters),
    ])
    if (replication === true) all.set('replication', 'database')
    const timer = setTimeout(() => this.#die(down(`no answer within ${startMs / 1000} s`)), startMs)
    try {
      await this.#send(startupPacket(protocol3, all), {
        message: (kind, bytes, start, end) => {
          if (kind === fromServer.authentication) authenticate(bytes, start)
          if (kind !== fromServer.keyData) return
          this.backendPid = bytes.readInt32BE(start)
          this.#secret = Buffer.from(bytes.subarray(start + 4, end))
        },
      })
      this.#isReady = true
      if (parameters === undefined) await this.query(laterParametersSql)
    } finally {
      clearTimeout(timer)
    }
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
    done.then(() => begun.reject(down('it did not start replication')), begun.reject)
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
    return cancelBackend(this.#source, { pid: this.backendPid, secret: this.#secret })
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
    this.#die(down('the connection was given up'))
  }

  #send(message: Buffer, call: Call): Promise<void> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead)
    if (this.#isClosing) return Promise.reject(down('the connection is closed'))
    if (this.#call !== undefined)
      return Promise.reject(new FeedError('FEED_BUG', 'two calls at a time on one connection'))
    const settle = Promise.withResolvers<void>()
    this.#call = { ...call, settle }
    this.#socket.write(message)
    return settle.promise
  }

  /** Takes what the socket has read, `buffer[0, length)`. Returns false to stop reading. */
  read(buffer: Buffer, length: number): boolean {
    if (this.#isClosing) return true
    try {
      const call = this.#call
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
}

function down(why: string, cause?: unknown): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', `PostgreSQL is not reachable: ${why}`, { cause })
}
