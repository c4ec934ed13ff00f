// A session's connection to PostgreSQL. It passes on what the server says, unread but for the tags: they tell when the
// server owes nothing more, which is when a statement of ours may answer in its turn. It also carries exchanges of our
// own, which the client does not see, or sees without their ReadyForQuery.

import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { FeedError } from '../errors/feed-error.ts'
import { readFields } from '../postgres/server-error.ts'
import { ByteRun } from '../wire/byte-run.ts'
import { cancelPacket, flushMessage, queryMessage, syncMessage, terminateMessage } from '../wire/frontend-messages.ts'
import { MessageCutter } from '../wire/message-cutter.ts'
import { withHint } from '../wire/report-hint.ts'
import { movePosition } from '../wire/report-position.ts'
import { Expectations, reply } from './expectations.ts'
import type { Place, Refusal, SentText } from './local-statement.ts'

/** A server that does not close a cancel request's connection is not waited for. */
const cancelMs = 5000

export type BackendAddress =
  | { readonly socketDir: string; readonly port: number }
  | { readonly host: string; readonly port: number }

export type TransactionStatus = 'I' | 'T' | 'E'

export interface LinkHandlers {
  /** Bytes for the client, in order. */
  pass(bytes: Buffer): void
  /** The server's key has come; what the client gets in its place. Undefined: nothing. */
  key(pid: number): Buffer | undefined
  /** The server has told the client how the transaction stands. */
  ready(status: TransactionStatus): void
  /** The server wants COPY data now. */
  copyIn(): void
  /** The server can take more. */
  drained(): void
  /** What the client is told to do about an error; undefined: what the server says. */
  explain(refusal: Refusal): string | undefined
  /** The connection is over. `isTold`: the client has the server's own last words, or cannot take any. */
  lost(error: FeedError, isTold: boolean): void
}

export interface LinkOptions {
  readonly address: BackendAddress
  readonly startup: Buffer
  /** False: the connection replaces another; its start-up is not the client's to see. */
  readonly showStartup: boolean
  readonly handlers: LinkHandlers
}

/** An exchange of ours. */
interface Exchange {
  /** Undefined: everything but ReadyForQuery is for the client. */
  readonly rows: (string | null)[][] | undefined
  /** Hears the server's notices. */
  readonly noticed: (() => void) | undefined
  error: FeedError | undefined
  readonly done: PromiseWithResolvers<void>
}

interface OwnExchange {
  readonly kind: number
  readonly rows: (string | null)[][] | undefined
  readonly place?: Place | undefined
  readonly noticed?: (() => void) | undefined
}

export class BackendLink {
  readonly #options: LinkOptions
  readonly #handlers: LinkHandlers
  readonly socket: Socket
  readonly expectations = new Expectations()
  readonly parameters = new Map<string, string>()
  status: TransactionStatus = 'I'
  readonly #cutter: MessageCutter
  readonly #run: ByteRun
  #settled: PromiseWithResolvers<void> | undefined
  #exchange: Exchange | undefined
  /** Exchanges of ours come one after the other. */
  #exchangesEnd: Promise<unknown> = Promise.resolve()
  #isStarting = true
  #isHidden: boolean
  #isOver = false
  /** The server's own last words. */
  #fatal: FeedError | undefined
  #pid = 0
  #secret: Buffer = Buffer.alloc(0)

  constructor(options: LinkOptions) {
    const { address, startup, showStartup, handlers } = options
    this.#options = options
    this.#handlers = handlers
    this.#isHidden = !showStartup
    this.#run = new ByteRun((bytes) => handlers.pass(bytes))
    this.#cutter = new MessageCutter({
      message: (tag, bytes, start, end) => this.#message(tag, bytes, start, end),
      mayStream: (tag) => !this.#isHidden && (tag === 0x44 || tag === 0x64),
      part: (bytes, start, end) => this.#run.add(bytes, start, end),
    })
    this.expectations.add(reply.query)
    this.socket = connect(place(address))
    this.socket.setNoDelay(true)
    this.socket.on('data', (chunk: Buffer) => this.#take(chunk))
    this.socket.on('drain', () => handlers.drained())
    this.socket.on('error', (error) => this.#end(this.#isStarting ? notUp(error) : gone(error)))
    this.socket.on('close', () => this.#end(gone()))
    this.socket.write(startup)
  }

  get pid(): number {
    return this.#pid
  }

  get isSettled(): boolean {
    return this.expectations.isEmpty && this.#exchange === undefined
  }

  /** The client has a part of a message, and nothing else may go out before the rest. */
  get isMidMessage(): boolean {
    return this.#cutter.isMidMessage
  }

  get isExchanging(): boolean {
    return this.#exchange !== undefined
  }

  /** The connection has ended. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Of the texts that the client sends and wants. */
  get clientEncoding(): string {
    return this.parameters.get('client_encoding') ?? 'UTF8'
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Settles when the server owes nothing; asks it to say what it holds back. */
  async settled(): Promise<void> {
    while (!this.isSettled) {
      if (this.#isOver) throw this.#fatal ?? gone()
      if (!this.expectations.endsReady) this.send(flushMessage)
      this.#settled ??= Promise.withResolvers()
      await this.#settled.promise
    }
  }

  /** A query of our own, unseen by the client. `noticed` hears when the server sends a notice in it. */
  async query(sql: string, noticed?: () => void): Promise<(string | null)[][]> {
    return this.#own(queryMessage(sql), { kind: reply.query, rows: [], noticed })
  }

  /** A query for the client, whose ReadyForQuery is kept back. False: it failed, and the client knows. */
  async relay({ sql, place }: SentText): Promise<boolean> {
    try {
      await this.#own(queryMessage(sql), { kind: reply.query, rows: undefined, place })
      return true
    } catch (error) {
      if (this.#isOver) throw error
      return false
    }
  }

  /** Sends `before` and a Sync, unseen by the client. In the middle of a pipeline this ends an implicit transaction. */
  async synchronize(before?: Buffer): Promise<void> {
    await this.#own(before === undefined ? syncMessage : Buffer.concat([before, syncMessage]), {
      kind: reply.sync,
      rows: [],
    })
  }

  /** How the transaction stands, also in the middle of a pipeline. */
  async statusNow(): Promise<TransactionStatus> {
    await this.settled()
    if (!this.expectations.endsReady && !this.expectations.isSkipping) await this.synchronize()
    return this.status
  }

  /** Asks the server to stop what it does. Settles when it has been told: what is sent then is not meant. */
  cancel(): Promise<void> {
    const socket = connect(place(this.#options.address))
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
    // The server closes without an answer once it has told the backend.
    socket.resume()
    socket.write(cancelPacket(this.#pid, this.#secret))
    socket.setTimeout(cancelMs, () => socket.destroy())
    return promise
  }

  /** The client said that it leaves: the server finishes what it was given, unheard, and closes. */
  leave(): void {
    this.#isOver = true
    this.#fail(gone())
    this.socket.resume()
  }

  /** Ends the connection. A server that is busy for nobody finds its client gone and stops. */
  close(): void {
    if (this.#isOver) return
    const isIdle = this.isSettled
    this.#isOver = true
    this.#fail(gone())
    this.socket.resume()
    if (isIdle) this.socket.end(terminateMessage)
    else this.socket.destroySoon()
  }

  async #own(bytes: Buffer, { kind, rows, place, noticed }: OwnExchange): Promise<(string | null)[][]> {
    const before = this.#exchangesEnd
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#exchangesEnd = promise
    try {
      await before
      await this.settled()
      if (this.#isOver) throw this.#fatal ?? gone()
      const exchange: Exchange = { rows, noticed, error: undefined, done: Promise.withResolvers() }
      this.#exchange = exchange
      this.#isHidden = rows !== undefined
      this.expectations.add(kind, place)
      this.send(bytes)
      await exchange.done.promise
      if (exchange.error !== undefined) throw exchange.error
      return rows ?? []
    } finally {
      resolve()
    }
  }

  #take(chunk: Buffer): void {
    try {
      this.#cutter.push(chunk)
      this.#run.flush()
    } catch (error) {
      this.#end(error as FeedError)
    }
  }

  #message(tag: number, bytes: Buffer, start: number, end: number): false {
    switch (tag) {
      case 0x5a:
        this.#ready(bytes, start, end)
        return false
      case 0x45:
        this.#error(bytes, start, end)
        return false
      case 0x4b:
        this.#key(bytes, start, end)
        return false
      case 0x53:
        this.#parameter(bytes.toString('utf8', start + 5, end - 1))
        this.#tell(bytes, start, end)
        return false
      case 0x41:
        this.#tell(bytes, start, end)
        return false
      case 0x52:
        if (this.#isHidden && this.#isStarting && bytes.readInt32BE(start + 5) !== 0) throw mustReconnect()
        break
      case 0x47:
        this.expectations.copyStarts()
        this.#show(bytes, start, end)
        this.#run.flush()
        this.#handlers.copyIn()
        return false
      case 0x44:
        if (this.#exchange?.rows !== undefined) this.#exchange.rows.push(readRow(bytes, start + 5))
        break
      case 0x4e:
        this.#exchange?.noticed?.()
        break
      default:
        break
    }
    this.#show(bytes, start, end)
    this.expectations.message(tag)
    if (this.#settled !== undefined) this.#checkSettled()
    return false
  }

  #show(bytes: Buffer, start: number, end: number): void {
    if (!this.#isHidden) this.#run.add(bytes, start, end)
  }

  /** What the server says of its own accord is the client's, also while an exchange of ours goes on. */
  #tell(bytes: Buffer, start: number, end: number): void {
    if (!this.#isStarting || !this.#isHidden) this.#run.add(bytes, start, end)
  }

  #ready(bytes: Buffer, start: number, end: number): void {
    this.status = String.fromCharCode(bytes[start + 5] as number) as TransactionStatus
    this.expectations.ready()
    this.#isStarting = false
    const exchange = this.#exchange
    if (exchange === undefined) this.#show(bytes, start, end)
    this.#isHidden = false
    this.#exchange = undefined
    this.#run.flush()
    if (exchange === undefined) this.#handlers.ready(this.status)
    else exchange.done.resolve()
    this.#checkSettled()
  }

  #error(bytes: Buffer, start: number, end: number): void {
    const fields = readFields(bytes, start + 5, end)
    const error = new FeedError('FEED_SOURCE_REFUSED', fields.get('M') ?? '', {
      sqlstate: fields.get('C'),
      hint: fields.get('H'),
      detail: fields.get('D'),
    })
    const severity = fields.get('V') ?? fields.get('S')
    if (severity === 'FATAL' || severity === 'PANIC') this.#fatal = error
    const exchange = this.#exchange
    if (exchange !== undefined) exchange.error ??= error
    const { place } = this.expectations
    const moved = place === undefined ? undefined : movePosition(bytes, start, end, place)
    const hint = this.#isHidden
      ? undefined
      : this.#handlers.explain({ sqlstate: error.sqlstate, message: error.message })
    if (moved === undefined && hint === undefined) this.#show(bytes, start, end)
    else {
      const told = moved ?? bytes.subarray(start, end)
      const shown = hint === undefined ? told : withHint(told, hint)
      this.#show(shown, 0, shown.length)
    }
    this.expectations.failed()
    this.#checkSettled()
  }

  #key(bytes: Buffer, start: number, end: number): void {
    this.#pid = bytes.readInt32BE(start + 5)
    this.#secret = Buffer.from(bytes.subarray(start + 9, end))
    const shown = this.#handlers.key(this.#pid)
    if (shown !== undefined) this.#run.add(shown, 0, shown.length)
  }

  #parameter(text: string): void {
    const [name = '', value = ''] = text.split('\0')
    this.parameters.set(name, value)
  }

  #checkSettled(): void {
    if (!this.isSettled) return
    this.#run.flush()
    this.#settled?.resolve()
    this.#settled = undefined
  }

  #fail(error: FeedError): void {
    this.#settled?.promise.catch(() => undefined)
    this.#settled?.reject(error)
    this.#settled = undefined
    const exchange = this.#exchange
    this.#exchange = undefined
    if (exchange === undefined) return
    exchange.error = error
    exchange.done.resolve()
  }

  #end(error: FeedError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#run.flush()
    this.socket.destroy()
    const cause = this.#fatal ?? error
    this.#fail(cause)
    const isTold = (this.#fatal !== undefined && !this.#isHidden) || this.isMidMessage
    this.#handlers.lost(cause, isTold)
  }
}

function place(address: BackendAddress): { path: string } | { host: string; port: number } {
  return 'socketDir' in address
    ? { path: join(address.socketDir, `.s.PGSQL.${address.port}`) }
    : { host: address.host, port: address.port }
}

function readRow(bytes: Buffer, start: number): (string | null)[] {
  const row: (string | null)[] = []
  let at = start + 2
  for (let left = bytes.readInt16BE(start); left > 0; left--) {
    const length = bytes.readInt32BE(at)
    at += 4
    row.push(length < 0 ? null : bytes.toString('utf8', at, at + length))
    at += Math.max(length, 0)
  }
  return row
}

function notUp(error: Error): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', 'the database system is starting up', {
    sqlstate: '57P03',
    detail: error.message,
  })
}

function gone(error?: Error): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', 'terminating connection because PostgreSQL closed it', {
    sqlstate: '57P01',
    detail: error?.message,
    hint: 'connect again',
  })
}

function mustReconnect(): FeedError {
  return new FeedError(
    'FEED_PRIVILEGE',
    'the database cannot be changed on this connection: the server asks for credentials again',
    {
      sqlstate: '28000',
      hint: 'connect again and name the database',
    },
  )
}
