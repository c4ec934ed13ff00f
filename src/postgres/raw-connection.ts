// One connection to a source, spoken byte for byte: simple queries, COPY out, and the replication stream. For the roads
// on which rows travel; everything else uses an ordinary client.
//
// Bytes are handed on in place, in the buffer the socket filled; they are valid during the call. A handler that returns
// a promise stops the reading until it settles, so memory stays what the read buffer and the kernel hold. One call at a
// time. When the connection dies every open call rejects with FEED_SOURCE_DOWN; what the server refuses is
// FEED_SOURCE_REFUSED with its own words. Authentication: trust only.

import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { FeedError } from '../errors/feed-error.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { serverError } from './server-error.ts'
import { rowTextParameters, type SourceConnection } from './source-connection.ts'

export interface RawConnectionOptions {
  readonly source: SourceConnection
  /** A walsender: adds replication=database. */
  readonly replication?: boolean
  readonly parameters?: Readonly<Record<string, string>>
  readonly applicationName?: string
  readonly readBufferBytes?: number
}

export interface CopyOutHandler {
  /** One CopyData payload. */
  data(bytes: Buffer, start: number, end: number): void
  /** What the socket had is read. */
  chunkDone?(): void | Promise<void>
}

type Chunk = (buffer: Buffer, length: number) => void | Promise<void>

/** Takes what the server sends until its call is over. */
interface Receiver {
  message(tag: number, bytes: Buffer, start: number, end: number): void
  chunkDone?(): void | Promise<void>
  fail(error: FeedError): void
}

const headBytes = 5

export function openRawConnection(options: RawConnectionOptions): Promise<RawConnection> {
  const connection = new RawConnection(options)
  return connection.start().then(() => connection)
}

export class RawConnection {
  readonly #options: RawConnectionOptions
  readonly #socket: Socket
  #receiver: Receiver | undefined
  /** Takes raw bytes instead of messages while the replication stream runs. */
  #raw: Chunk | undefined
  /** An unfinished message. */
  #part = Buffer.allocUnsafeSlow(16 * 1024)
  #partLength = 0
  #dead: FeedError | undefined
  #pid = 0
  #secret = 0

  constructor(options: RawConnectionOptions) {
    this.#options = options
    const { host, port, socketDir } = options.source
    const buffer = Buffer.allocUnsafeSlow(options.readBufferBytes ?? 256 * 1024)
    const onread = { buffer, callback: (length: number): boolean => this.#read(buffer, length) }
    this.#socket =
      socketDir === undefined
        ? connect({ host, port, noDelay: true, onread })
        : connect({ path: join(socketDir, `.s.PGSQL.${port}`), onread })
    this.#socket.on('error', (error) => this.#die(down(error.message, error)))
    this.#socket.on('close', () => this.#die(down('it closed the connection')))
  }

  get backendPid(): number {
    return this.#pid
  }

  /** Settles when the server is ready for queries. */
  async start(): Promise<void> {
    const { source, replication, applicationName } = this.#options
    const parameters: Record<string, string> = {
      user: source.user,
      database: source.database,
      application_name: applicationName ?? 'pg-changefeed',
      ...(replication === true ? { replication: 'database' } : {}),
      ...(this.#options.parameters ?? rowTextParameters),
    }
    const out = new ByteWriter(1024)
    out.u32be(0)
    out.u32be(196608)
    for (const [name, value] of Object.entries(parameters)) {
      out.utf8(name)
      out.u8(0)
      out.utf8(value)
      out.u8(0)
    }
    out.u8(0)
    out.buffer.writeUInt32BE(out.length, 0)
    await this.#call<void>(Buffer.from(out.view()), (resolve, reject) => ({
      message: (tag, bytes, start) => {
        if (tag === 0x52 && bytes.readInt32BE(start) !== 0) reject(authentication(bytes.readInt32BE(start)))
        else if (tag === 0x4b) {
          this.#pid = bytes.readInt32BE(start)
          this.#secret = bytes.readInt32BE(start + 4)
        } else if (tag === 0x5a) resolve()
      },
      fail: reject,
    }))
  }

  /** Simple query protocol; text rows of all its results behind each other. */
  query(sql: string): Promise<(string | null)[][]> {
    const rows: (string | null)[][] = []
    return this.#query(sql, {
      message: (tag, bytes, start) => {
        if (tag === 0x44) rows.push(readRow(bytes, start))
      },
    }).then(() => rows)
  }

  /** COPY … TO STDOUT. */
  async copyOut(sql: string, handler: CopyOutHandler): Promise<void> {
    await this.#query(sql, {
      message: (tag, bytes, start, end) => {
        if (tag === 0x64) handler.data(bytes, start, end)
      },
      chunkDone: () => handler.chunkDone?.(),
    })
  }

  /**
   * START_REPLICATION …: what the server sends from then on goes to `onChunk` as it comes (`buffer[0, length)`), message
   * borders and all; see CopyBothParser. The connection is good for nothing else afterwards.
   */
  async copyBoth(sql: string, onChunk: Chunk): Promise<CopyBothStream> {
    const ended = Promise.withResolvers<never>()
    ended.promise.catch(() => undefined)
    await this.#call<void>(queryMessage(sql), (resolve, reject) => {
      let error: FeedError | undefined
      return {
        message: (tag, bytes, start, end) => {
          if (tag === 0x45) error = serverError(bytes, start, end)
          else if (tag === 0x5a) reject(error ?? down('it did not start replication'))
          else if (tag === 0x57) {
            this.#raw = onChunk
            resolve()
          }
        },
        fail: reject,
      }
    })
    this.#receiver = { message: () => undefined, fail: (error) => ended.reject(error) }
    if (this.#dead !== undefined) throw this.#dead
    return {
      ended: ended.promise,
      send: (bytes) => {
        if (this.#dead === undefined) this.#socket.write(bytes)
      },
      fail: (error) => this.#die(error),
    }
  }

  /** Asks the server to cancel what runs on this connection. */
  async cancel(): Promise<void> {
    const { host, port, socketDir } = this.#options.source
    const message = Buffer.alloc(16)
    message.writeInt32BE(16, 0)
    message.writeInt32BE(80877102, 4)
    message.writeInt32BE(this.#pid, 8)
    message.writeInt32BE(this.#secret, 12)
    const path = socketDir === undefined ? { host, port } : { path: join(socketDir, `.s.PGSQL.${port}`) }
    const { promise, resolve } = Promise.withResolvers<void>()
    const socket = connect(path as { path: string })
    socket.on('error', () => resolve())
    socket.on('close', () => resolve())
    socket.end(message)
    socket.resume()
    await promise
  }

  async close(): Promise<void> {
    if (this.#socket.destroyed) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#socket.once('close', () => resolve())
    this.#socket.end(Buffer.from([0x58, 0, 0, 0, 4]))
    // The server has nothing more to say that anybody waits for.
    this.#socket.destroySoon()
    await promise
  }

  destroy(): void {
    this.#socket.destroy()
    this.#die(down('the connection was given up'))
  }

  #query(sql: string, handler: Omit<Receiver, 'fail'>): Promise<void> {
    return this.#call<void>(queryMessage(sql), (resolve, reject) => {
      let error: FeedError | undefined
      return {
        message: (tag, bytes, start, end) => {
          if (tag === 0x45) error ??= serverError(bytes, start, end)
          else if (tag === 0x5a) {
            if (error === undefined) resolve()
            else reject(error)
          } else handler.message(tag, bytes, start, end)
        },
        ...(handler.chunkDone === undefined ? {} : { chunkDone: handler.chunkDone }),
        // The server's last words say more than the closed socket behind them.
        fail: (failure) => reject(error ?? failure),
      }
    })
  }

  #call<T>(send: Buffer, receiver: (resolve: (value: T) => void, reject: (error: FeedError) => void) => Receiver): Promise<T> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead)
    if (this.#receiver !== undefined) return Promise.reject(new FeedError('FEED_BUG', 'two calls at a time on one connection'))
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const done = (): void => {
      this.#receiver = undefined
    }
    const made = receiver(
      (value) => {
        done()
        resolve(value)
      },
      (error) => {
        done()
        reject(error)
      },
    )
    this.#receiver = made
    this.#socket.write(send)
    return promise
  }

  /** Gives false to stop reading. */
  #read(buffer: Buffer, length: number): boolean {
    let wait: void | Promise<void> = undefined
    try {
      const receiver = this.#receiver
      if (this.#raw !== undefined) wait = this.#raw(buffer, length)
      else {
        const at = this.#parse(buffer, length)
        if (at < length) wait = this.#streamRest(buffer, at, length)
        else if (receiver !== undefined && receiver === this.#receiver) wait = receiver.chunkDone?.()
      }
    } catch (error) {
      this.#die(error instanceof FeedError ? error : new FeedError('FEED_BUG', String(error), { cause: error }))
      return false
    }
    if (!(wait instanceof Promise)) return true
    wait.then(
      () => this.#socket.resume(),
      (error: unknown) => this.#die(error instanceof FeedError ? error : new FeedError('FEED_BUG', String(error), { cause: error })),
    )
    return false
  }

  /** The stream began in the middle of what was read. */
  #streamRest(buffer: Buffer, at: number, length: number): void | Promise<void> {
    return this.#raw?.(Buffer.from(buffer.subarray(at, length)), length - at)
  }

  /** Hands whole messages on. Gives where it stopped: before the end only when the replication stream begins there. */
  #parse(buffer: Buffer, length: number): number {
    let at = 0
    while (this.#partLength > 0 && at < length) {
      const total = this.#partLength < headBytes ? headBytes : totalOf(this.#part, 0)
      const taken = Math.min(total - this.#partLength, length - at)
      this.#keep(buffer, at, at + taken)
      at += taken
      if (this.#partLength >= headBytes && this.#partLength === totalOf(this.#part, 0)) {
        const end = this.#partLength
        this.#partLength = 0
        this.#dispatch(this.#part, 0, end)
        if (this.#part.length > 8 * 1024 * 1024) this.#part = Buffer.allocUnsafeSlow(16 * 1024)
        if (this.#raw !== undefined) return at
      }
    }
    while (length - at >= headBytes) {
      const total = totalOf(buffer, at)
      if (total > length - at) break
      this.#dispatch(buffer, at, at + total)
      at += total
      if (this.#raw !== undefined) return at
    }
    if (at < length) this.#keep(buffer, at, length)
    return length
  }

  #keep(from: Buffer, start: number, end: number): void {
    const needed = this.#partLength + end - start
    if (needed > this.#part.length) {
      const bigger = Buffer.allocUnsafeSlow(Math.max(needed, this.#part.length * 2))
      this.#part.copy(bigger, 0, 0, this.#partLength)
      this.#part = bigger
    }
    from.copy(this.#part, this.#partLength, start, end)
    this.#partLength = needed
  }

  #dispatch(bytes: Buffer, start: number, end: number): void {
    const tag = bytes[start] as number
    // During start-up an error is the last message; there is no ReadyForQuery behind it.
    if (tag === 0x45 && this.#pid === 0) this.#die(serverError(bytes, start + headBytes, end))
    else this.#receiver?.message(tag, bytes, start + headBytes, end)
  }

  #die(error: FeedError): void {
    if (this.#dead === undefined) this.#dead = error
    const receiver = this.#receiver
    this.#receiver = undefined
    receiver?.fail(this.#dead)
    this.#socket.destroy()
  }
}

export interface CopyBothStream {
  /** Rejects when the stream is over, for whatever reason. */
  readonly ended: Promise<never>
  send(bytes: Uint8Array): void
  /** Ends the stream and the connection. */
  fail(error: FeedError): void
}

function totalOf(bytes: Buffer, at: number): number {
  const length = bytes.readInt32BE(at + 1)
  if (length < 4) throw new FeedError('FEED_PROTOCOL', `a message from PostgreSQL has length ${length}`)
  return 1 + length
}

function readRow(bytes: Buffer, start: number): (string | null)[] {
  const row: (string | null)[] = []
  const columns = bytes.readInt16BE(start)
  let at = start + 2
  for (let i = 0; i < columns; i++) {
    const length = bytes.readInt32BE(at)
    at += 4
    row.push(length < 0 ? null : bytes.toString('utf8', at, at + length))
    if (length > 0) at += length
  }
  return row
}

function queryMessage(sql: string): Buffer {
  const text = Buffer.from(sql)
  const message = Buffer.alloc(text.length + 6)
  message[0] = 0x51
  message.writeInt32BE(text.length + 5, 1)
  text.copy(message, 5)
  return message
}

function down(why: string, cause?: unknown): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', `PostgreSQL is not reachable: ${why}`, { cause })
}

function authentication(method: number): FeedError {
  const name = { 3: 'password', 5: 'md5', 10: 'SCRAM-SHA-256' }[method] ?? `method ${method}`
  return new FeedError('FEED_START', `PostgreSQL asks for ${name} authentication, which is not supported yet`)
}
