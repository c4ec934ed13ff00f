// One client: its socket, its backend, and the order between them. What is not ours is passed on in runs, as it came.
// A statement of ours waits until the server has answered everything before it, runs, and holds the client's next
// messages back meanwhile; the socket is still read, so that a client who leaves is noticed.

import { randomBytes, randomInt } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import { quoteName } from '../core/quote.ts'
import { FeedError } from '../errors/feed-error.ts'
import { backendKeyData, errorResponse, parameterStatus, report } from '../wire/backend-writer.ts'
import { ByteRun } from '../wire/byte-run.ts'
import { BodyReader, peekBindNames, queryMessage, startupPacket } from '../wire/frontend-messages.ts'
import { MessageCutter } from '../wire/message-cutter.ts'
import { BackendLink, type BackendAddress } from './backend-link.ts'
import { carrySession } from './carry-session.ts'
import { ClientWriter } from './client-writer.ts'
import { reply } from './expectations.ts'
import { ExtendedProtocol, kind, type Verdict } from './extended-protocol.ts'
import { OccupiedBackend } from './occupied-backend.ts'
import { LocalRun } from './local-run.ts'
import type { Piece, SessionControl, StatementHandler } from './local-statement.ts'
import { sessionControl } from './session-control.ts'
import { forwardedQuery, runSimpleQuery } from './simple-query.ts'
import { classifyText } from './statement-text.ts'
import { canceled, type StartedCall, type Turn } from './turn.ts'

/** Held back from a client that sends while a statement of ours runs. */
const maxHeldBytes = 1024 * 1024

/** While the socket is not read, a client that left shows only when something is written to it. */
const probeMs = 500

const tag = {
  query: 0x51,
  call: 0x46,
  sync: 0x53,
  flush: 0x48,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  terminate: 0x58,
} as const
const nothing = Buffer.alloc(0)

export interface SessionOptions {
  readonly socket: Socket
  readonly version: number
  readonly parameters: ReadonlyMap<string, string>
  readonly backend: BackendAddress
  readonly handler: StatementHandler
  readonly log: Logger | undefined
  /** The client has got a key; a CancelRequest that shows it means this session. */
  readonly keyGiven: (pid: number, secret: number) => void
  readonly started: (run: LocalRun) => void
  readonly ended: (run: LocalRun) => void
  readonly closed: () => void
}

export class Session implements Turn {
  readonly #options: SessionOptions
  readonly #socket: Socket
  readonly #writer: ClientWriter
  readonly #cutter: MessageCutter
  readonly #run: ByteRun
  readonly #extended: ExtendedProtocol
  readonly #control: SessionControl
  readonly #runs = new Set<LocalRun>()
  readonly #secret = randomInt(0x7fffffff)
  #link: BackendLink
  #database: string
  /** A statement of ours, or a query string with one, has its turn. */
  #isBusy = false
  /** What waits behind it was not sent together with it. */
  #isNextLater = false
  /** … and the server wants COPY data in the middle of it. */
  #isCopying = false
  /** The client said that it leaves. */
  #isLeaving = false
  #probe: NodeJS.Timeout | undefined

  constructor(options: SessionOptions) {
    const { socket, parameters, handler } = options
    this.#options = options
    this.#socket = socket
    this.#writer = new ClientWriter(socket)
    this.#run = new ByteRun((bytes) => this.#link.send(bytes))
    this.#cutter = new MessageCutter({
      message: (messageTag, bytes, start, end) => this.#message(messageTag, bytes, start, end),
      mayStream: (messageTag, bytes, start) => this.#mayStream(messageTag, bytes, start),
      part: (bytes, start, end) => this.#run.add(bytes, start, end),
    })
    this.#database = parameters.get('database') ?? ''
    this.#link = this.#connect(parameters, true)
    this.#extended = new ExtendedProtocol(this, handler)
    this.#control = sessionControl({
      socket,
      startup: parameters,
      link: () => this.#link,
      database: () => this.#database,
      queryBackend: (sql) => this.#queryBackend(sql),
      switchDatabase: (name) => this.#switchDatabase(name, 'carry'),
      reset: (what) => this.#reset(what),
      deallocate: (name) => this.#deallocate(name),
    })
    socket.on('data', (chunk: Buffer) => this.take(chunk))
    socket.on('drain', () => this.#link.socket.resume())
    socket.on('error', () => this.close())
    socket.on('end', () => this.close())
    socket.on('close', () => this.close())
  }

  get link(): BackendLink {
    return this.#link
  }

  take(chunk: Buffer): void {
    if (this.#isBusy && this.#cutter.heldBytes === 0) this.#isNextLater = true
    this.#cut(() => this.#cutter.push(chunk))
    this.#lookBehind()
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes)
  }

  start(call: StartedCall): LocalRun {
    const run = new LocalRun({
      ...call,
      id: randomBytes(16).toString('hex'),
      session: this.#control,
      write: (bytes, signal) => this.#writer.write(bytes, signal),
      free: (bytes) => this.#writer.free(bytes),
      notice: (severity, message, hint) =>
        this.#writer.put(report({ severity, sqlstate: severity === 'WARNING' ? '01000' : '00000', message, hint })),
      occupy: (label, asking) =>
        OccupiedBackend.open({ link: this.#link, label, ended: (error) => asking.abort(error) }),
      ended: () => {
        this.#runs.delete(run)
        this.#options.ended(run)
      },
    })
    this.#runs.add(run)
    this.#options.started(run)
    return run
  }

  /** A CancelRequest: stops what runs now. */
  cancel(): void {
    const active = this.#activeRun
    active?.abort(canceled())
    // A wait on its behalf ends with the statement.
    if (active?.occupied?.isHeld === true) return
    if (active === undefined || this.#link.isExchanging) void this.#link.cancel()
  }

  /** The server goes down. */
  shutDown(): void {
    this.#fail(
      new FeedError('FEED_SOURCE_DOWN', 'terminating connection due to administrator command', { sqlstate: '57P01' }),
    )
  }

  close(): void {
    if (this.#writer.isClosed) return
    clearInterval(this.#probe)
    this.#writer.close()
    // Nobody hears of its end.
    if (this.#activeRun?.occupied?.isHeld === true) void this.#link.cancel()
    for (const run of this.#runs) run.abort(canceled())
    if (this.#isLeaving) this.#link.leave()
    else this.#link.close()
    this.#options.closed()
  }

  get #activeRun(): LocalRun | undefined {
    for (const run of this.#runs) if (run.isActive) return run
    return undefined
  }

  async #queryBackend(sql: string): Promise<(string | null)[][]> {
    const query = (): Promise<(string | null)[][]> => this.#link.query(sql)
    const occupied = this.#activeRun?.occupied
    return occupied === undefined ? query() : occupied.around(query)
  }

  #fail(error: unknown): void {
    if (this.#writer.isClosed) return
    // Into the middle of a message nothing can be written.
    if (!this.#link.isMidMessage) this.#writer.put(errorResponse(error, 'FATAL'))
    for (const run of this.#runs) if (error instanceof FeedError) run.abort(error)
    this.close()
  }

  #connect(parameters: ReadonlyMap<string, string>, isFirst: boolean): BackendLink {
    const { backend, version } = this.#options
    const link: BackendLink = new BackendLink({
      address: backend,
      startup: startupPacket(version, parameters),
      showStartup: isFirst,
      handlers: {
        pass: (bytes) => {
          if (!this.#writer.put(bytes)) link.socket.pause()
        },
        // The pid is the backend's: clients know their own notifications by it. The secret is ours.
        key: (pid) => {
          if (!isFirst) return undefined
          this.#options.keyGiven(pid, this.#secret)
          return backendKeyData(pid, this.#secret)
        },
        ready: (status) => {
          if (status === 'I') this.#extended.transactionEnded()
        },
        copyIn: () => {
          // A COPY sent before our turn has its data on the way already.
          if (!this.#isBusy || !link.isExchanging) return
          this.#isCopying = true
          this.#cut(() => this.#cutter.resume())
        },
        drained: () => this.#gate(),
        explain: (refusal) => this.#options.handler.explain?.(refusal),
        lost: (error, isTold) => {
          if (link !== this.#link) return
          if (!isTold && !this.#isLeaving) this.#fail(error)
          else this.close()
        },
      },
    })
    return link
  }

  #cut(cut: () => void): void {
    if (this.#writer.isClosed) return
    try {
      cut()
      this.#run.flush()
      this.#gate()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Stops reading from a client that is ahead of the server, or of a statement of ours. */
  #gate(): void {
    if (this.#writer.isClosed) return
    const isFull = this.#isBusy && !this.#isCopying && this.#cutter.heldBytes > maxHeldBytes
    if (isFull || this.#link.socket.writableNeedDrain) this.#socket.pause()
    else this.#socket.resume()
    if (!isFull) {
      clearInterval(this.#probe)
      this.#probe = undefined
    } else this.#probe ??= setInterval(() => this.#probeClient(), probeMs)
  }

  /** Tells the client what it knows. */
  #probeClient(): void {
    if (this.#link.isMidMessage || this.#writer.isFull) return
    this.#writer.put(parameterStatus('client_encoding', this.#link.clientEncoding))
  }

  /** Behind a statement that never ends, the client may still say that it leaves it, or us. */
  #lookBehind(): void {
    if (!this.#isBusy || this.#writer.isClosed) return
    let { next } = this.#cutter
    let isWaiting = this.#isNextLater
    for (; next[0] === tag.flush && next.length >= 5; next = next.subarray(5)) isWaiting = true
    if (next[0] === tag.terminate) this.close()
    else if (isWaiting && next[0] === kind.close && next.length >= 5 && next.length > next.readInt32BE(1)) {
      this.#extended.closeBehind(new BodyReader(next, 5, 1 + next.readInt32BE(1)))
    }
  }

  #mayStream(messageTag: number, bytes: Buffer, start: number): boolean {
    if (messageTag === tag.copyData) return true
    if (messageTag !== kind.bind) return false
    const names = peekBindNames(bytes, start)
    return names !== undefined && this.#extended.passesBind(names)
  }

  #message(messageTag: number, bytes: Buffer, start: number, end: number): boolean {
    if (this.#isCopying) return this.#copyMessage(messageTag, bytes, start, end)
    const verdict = this.#look(messageTag, bytes, start, end)
    if (verdict === undefined) this.#run.add(bytes, start, end)
    else if (typeof verdict === 'function') {
      this.#run.flush()
      void this.#work(verdict)
      return true
    } else if (verdict.length > 0) this.#run.add(verdict, 0, verdict.length)
    return false
  }

  #copyMessage(messageTag: number, bytes: Buffer, start: number, end: number): boolean {
    this.#run.add(bytes, start, end)
    if (messageTag !== tag.copyDone && messageTag !== tag.copyFail) return false
    this.#isCopying = false
    return true
  }

  #look(messageTag: number, bytes: Buffer, start: number, end: number): Verdict {
    switch (messageTag) {
      case tag.query:
        return this.#query(bytes.subarray(start + 5, end - 1))
      case tag.sync:
        this.#extended.sync()
        this.#link.expectations.add(reply.sync)
        return undefined
      case kind.parse:
      case kind.bind:
      case kind.describe:
      case kind.execute:
      case kind.close:
        return this.#extended.look(messageTag, new BodyReader(bytes, start + 5, end))
      case tag.copyDone:
      case tag.copyFail:
        this.#link.expectations.add(reply.copyEnd)
        return undefined
      case tag.call:
        if (this.#extended.isSkipping) return nothing
        this.#link.expectations.add(reply.query)
        return undefined
      case tag.terminate:
        this.#isLeaving = true
        return undefined
      default:
        return undefined
    }
  }

  #query(text: Buffer): Verdict {
    if (this.#extended.isSkipping) return nothing
    this.#extended.simpleQuery()
    const pieces = classifyText(this.#options.handler, text, this.#link.clientEncoding)
    const instead = pieces && forwardedQuery(pieces)
    if (pieces !== undefined && instead === undefined) return () => this.#simpleQuery(pieces)
    this.#link.expectations.add(reply.query, instead?.place)
    return instead === undefined ? undefined : queryMessage(instead.sql)
  }

  async #simpleQuery(pieces: readonly Piece[]): Promise<void> {
    await this.#link.settled()
    // The server would ignore it, too.
    if (this.#link.expectations.isSkipping) return
    await runSimpleQuery(this, pieces)
    if (this.#link.status === 'I') this.#extended.transactionEnded()
  }

  async #work(work: () => Promise<void>): Promise<void> {
    this.#isBusy = true
    this.#isNextLater = false
    try {
      await work()
    } catch (error) {
      if (!this.#writer.isClosed)
        this.#options.log?.error({ error: String(error) }, 'a session ended in the middle of a statement')
      this.#fail(error)
    }
    this.#isBusy = false
    this.#isCopying = false
    this.#cut(() => this.#cutter.resume())
    this.#lookBehind()
  }

  async #reset(what: 'database' | 'settings' | 'everything'): Promise<void> {
    const home = this.#options.parameters.get('database') ?? ''
    const isAway = this.#database !== home
    // What cannot be done whole is not begun.
    if (isAway) await this.#checkNoTransaction()
    if (what === 'settings') await this.#link.query('RESET ALL')
    if (what === 'everything') {
      await this.#link.query('DISCARD ALL')
      this.#extended.deallocate(undefined)
    }
    // A new connection is as DISCARD ALL leaves one.
    if (isAway) await this.#switchDatabase(home, what === 'everything' ? 'fresh' : 'carry')
  }

  async #deallocate(name: string | undefined): Promise<void> {
    const isOurs = this.#extended.deallocate(name)
    if (name === undefined) await this.#link.query('DEALLOCATE ALL')
    else if (!isOurs) await this.#link.query(`DEALLOCATE ${quoteName(name)}`)
  }

  async #checkNoTransaction(): Promise<void> {
    if ((await this.#link.statusNow()) === 'I') return
    throw new FeedError('FEED_STATE', 'the database cannot be changed inside a transaction', {
      sqlstate: '25001',
      hint: 'COMMIT or ROLLBACK first',
    })
  }

  async #switchDatabase(name: string, what: 'carry' | 'fresh'): Promise<void> {
    const before = this.#link
    await this.#checkNoTransaction()
    const parameters = new Map(this.#options.parameters)
    parameters.set('database', name)
    const next = this.#connect(parameters, false)
    try {
      await next.settled()
      if (what === 'carry') await carrySession(before, next)
    } catch (error) {
      next.close()
      if (!(error instanceof FeedError) || error.sqlstate !== '3D000') throw error
      throw new FeedError('FEED_NO_DATABASE', `database "${name}" does not exist`, {
        hint: 'SHOW DATABASES lists those that exist',
        cause: error,
      })
    }
    if (this.#writer.isClosed) {
      next.close()
      throw canceled()
    }
    this.#link = next
    this.#database = name
    this.#extended.transactionEnded()
    before.close()
    for (const [parameter, value] of next.parameters) {
      if (before.parameters.get(parameter) !== value) this.#writer.put(parameterStatus(parameter, value))
    }
  }
}
