// One client: its socket, its backend, and the order between them. What is not ours is passed on in runs, as it came.
// A statement of ours waits until the server has answered everything before it, runs, and holds the client's next
// messages back meanwhile; the socket is still read, so that a client who leaves is noticed.

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { FeedError } from '../errors/feed-error.ts'
import {
  backendKeyData,
  commandComplete,
  errorResponse,
  readyForQuery,
  report,
  rowDescription,
} from '../wire/backend-writer.ts'
import { BodyReader, startupPacket } from '../wire/frontend-messages.ts'
import { BackendLink, expectation, type BackendAddress } from './backend-link.ts'
import { ExtendedProtocol } from './extended-protocol.ts'
import { LocalRun } from './local-run.ts'
import type { LocalStatement, Piece, SessionControl, StatementHandler } from './local-statement.ts'

/** Held back from a client that sends while a statement of ours runs. */
const maxHeldBytes = 1024 * 1024

const tag = {
  query: 0x51,
  parse: 0x50,
  bind: 0x42,
  describe: 0x44,
  execute: 0x45,
  close: 0x43,
  sync: 0x53,
  flush: 0x48,
  terminate: 0x58,
  call: 0x46,
} as const

export interface SessionOptions {
  readonly socket: Socket
  readonly version: number
  readonly parameters: Map<string, string>
  readonly backend: BackendAddress
  readonly handler: StatementHandler
  readonly key: { readonly pid: number; readonly secret: number }
  readonly started: (running: RunningLocal) => void
  readonly ended: (id: string) => void
  readonly closed: () => void
}

export interface RunningLocal {
  readonly id: string
  readonly sql: string
  readonly session: SessionControl
  readonly startedAtMs: number
  cancel(): void
}

export class Session {
  readonly #options: SessionOptions
  readonly #socket: Socket
  #link: BackendLink
  #control: SessionControl
  #database: string
  readonly #extended: ExtendedProtocol
  /** Not yet looked at. */
  #held: Buffer = Buffer.alloc(0)
  #isBusy = false
  /** The server wants COPY data, in the middle of pieces. */
  #isCopyIn = false
  #isClosed = false
  readonly #runs = new Map<string, LocalRun>()

  constructor(options: SessionOptions) {
    this.#options = options
    this.#socket = options.socket
    this.#database = options.parameters.get('database') ?? ''
    this.#link = this.#connect(options.parameters, true)
    this.#control = this.#makeControl()
    this.#extended = new ExtendedProtocol({
      handler: options.handler,
      link: () => this.#link,
      write: (bytes) => this.#write(bytes),
      start: (statement, sql, parameters, formats) => this.#start(statement, sql, parameters, formats),
      poison: () => this.#poison(),
    })
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#socket.on('drain', () => this.#link.socket.resume())
    this.#socket.on('error', () => this.close())
    this.#socket.on('end', () => this.close())
    this.#socket.on('close', () => this.close())
  }

  /** A CancelRequest: stops what runs now. */
  cancel(): void {
    if (this.#runs.size === 0) this.#link.cancel()
    for (const run of this.#runs.values()) run.abort(canceled())
  }

  /** The server goes down. */
  shutDown(): void {
    const reason = new FeedError('FEED_SOURCE_DOWN', 'terminating connection due to administrator command', {
      sqlstate: '57P01',
    })
    if (!this.#isClosed) this.#socket.write(errorResponse(reason, 'FATAL'))
    this.close()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const run of this.#runs.values()) run.abort(canceled())
    this.#link.end()
    this.#socket.destroySoon()
    this.#options.closed()
  }

  #connect(parameters: ReadonlyMap<string, string>, isFirst: boolean): BackendLink {
    const { backend, version, key } = this.#options
    const link: BackendLink = new BackendLink(
      backend,
      startupPacket(version, parameters),
      backendKeyData(key.pid, key.secret),
      isFirst,
      {
        pass: (bytes) => {
          if (!this.#isClosed && !this.#socket.write(bytes)) link.socket.pause()
        },
        lost: (error) => {
          if (link !== this.#link || this.#isClosed) return
          for (const run of this.#runs.values()) run.abort(error)
          this.#socket.write(errorResponse(error, 'FATAL'))
          this.close()
        },
        copyIn: () => {
          this.#isCopyIn = this.#isBusy
          if (this.#isCopyIn) this.#takeCopy(Buffer.alloc(0))
        },
      },
    )
    return link
  }

  #take(chunk: Buffer): void {
    if (this.#isCopyIn) {
      this.#takeCopy(chunk)
      return
    }
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    if (!this.#isBusy) this.#drain()
    else if (this.#held[0] === tag.terminate) this.close()
    else if (this.#held.length > maxHeldBytes) this.#socket.pause()
  }

  /** COPY data goes through as it comes, up to its end. */
  #takeCopy(chunk: Buffer): void {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    let at = 0
    while (bytes.length - at >= 5) {
      const end = at + 1 + bytes.readInt32BE(at + 1)
      if (end > bytes.length) break
      const kind = bytes[at]
      at = end
      if (kind === 0x63 || kind === 0x66) {
        this.#isCopyIn = false
        break
      }
    }
    if (at > 0) this.#forward(bytes.subarray(0, at))
    this.#held = bytes.subarray(at)
  }

  /** Looks at the messages held, forwards runs of those that are not ours, and stops where a statement of ours begins. */
  #drain(): void {
    const bytes = this.#held
    let at = 0
    let from = 0
    try {
      while (bytes.length - at >= 5) {
        const length = bytes.readInt32BE(at + 1)
        if (length < 4) throw new FeedError('FEED_PROTOCOL', `invalid message length ${length}`)
        const end = at + 1 + length
        const kind = bytes[at] as number
        if (end > bytes.length) {
          // Copy data and large values need not be whole to go on; everything else is looked at.
          break
        }
        const work = this.#look(kind, bytes, at, end)
        if (work !== undefined) {
          if (at > from) this.#forward(bytes.subarray(from, at))
          this.#held = bytes.subarray(end)
          void this.#work(work)
          return
        }
        at = end
      }
    } catch (error) {
      this.#socket.write(errorResponse(error, 'FATAL'))
      this.close()
      return
    }
    if (at > from) this.#forward(bytes.subarray(from, at))
    from = at
    this.#held = bytes.subarray(at)
  }

  #forward(bytes: Buffer): void {
    const { socket } = this.#link
    if (socket.write(bytes) || socket.destroyed) return
    this.#socket.pause()
    socket.once('drain', () => this.#socket.resume())
  }

  /** Undefined: pass it on. Otherwise the message is ours to answer. */
  #look(kind: number, bytes: Buffer, at: number, end: number): (() => Promise<void>) | undefined {
    const link = this.#link
    switch (kind) {
      case tag.query: {
        const sql = bytes.toString('utf8', at + 5, end - 1)
        const pieces = this.#options.handler.classify(sql)
        if (pieces !== undefined) return () => this.#simpleQuery(pieces)
        link.expect(expectation.ready)
        return undefined
      }
      case tag.call:
        link.expect(expectation.ready)
        return undefined
      case tag.sync:
        if (this.#extended.sync()) return async () => this.#syncAfterOurs(Buffer.from(bytes.subarray(at, end)))
        link.expect(expectation.ready)
        return undefined
      case tag.parse:
      case tag.bind:
      case tag.describe:
      case tag.execute:
      case tag.close:
        return this.#extended.look(kind, new BodyReader(bytes, at + 5, end))
      case tag.terminate:
        return async () => this.close()
      default:
        return undefined
    }
  }

  async #syncAfterOurs(message: Buffer): Promise<void> {
    await this.#extended.endOfPipeline()
    this.#link.expect(expectation.ready)
    this.#link.send(message)
  }

  async #work(work: () => Promise<void>): Promise<void> {
    this.#isBusy = true
    try {
      await work()
    } catch (error) {
      if (!this.#isClosed) {
        this.#socket.write(errorResponse(error, 'FATAL'))
        this.close()
      }
    }
    this.#isBusy = false
    this.#isCopyIn = false
    if (this.#isClosed) return
    this.#socket.resume()
    this.#drain()
  }

  /** The pieces of one Query message, in order, up to the first that fails. */
  async #simpleQuery(pieces: readonly Piece[]): Promise<void> {
    await this.#link.settled()
    for (const piece of pieces) {
      if (!(await this.#piece(piece))) break
    }
    this.#socket.write(readyForQuery(this.#link.status))
  }

  async #piece(piece: Piece): Promise<boolean> {
    try {
      if (piece.tag === 'forward') return await this.#link.relay(piece.sql)
      if (piece.tag === 'rewrite') {
        const sql = await piece.rewrite((query) => this.#ask(query))
        return await this.#link.relay(sql)
      }
      if (piece.tag === 'error') throw piece.error
      if (this.#link.status === 'E') throw inFailedTransaction()
      const { statement, sql } = piece
      if (statement.columns !== undefined) await this.#write(rowDescription(statement.columns, []))
      const { run, over } = this.#start(statement, sql, [], [])
      try {
        const result = await run.advance(0)
        if (result.tag === 'done') await this.#write(commandComplete(result.commandTag))
      } finally {
        over()
      }
      return true
    } catch (error) {
      if (this.#isClosed) return false
      await this.#poison()
      this.#socket.write(errorResponse(error))
      return false
    }
  }

  /** A question of ours in the middle of the client's transaction must not be what fails it. */
  async #ask(sql: string): Promise<(string | null)[][]> {
    if (this.#link.status === 'E') throw inFailedTransaction()
    return this.#link.query(sql)
  }

  #start(
    statement: LocalStatement,
    sql: string,
    parameters: readonly (string | null)[],
    resultFormats: readonly number[],
  ): { run: LocalRun; over: () => void } {
    const id = randomBytes(16).toString('hex')
    const run = new LocalRun({
      statement,
      parameters,
      resultFormats,
      session: this.#control,
      write: (bytes) => this.#write(bytes),
      notice: (severity, message, hint) => {
        if (!this.#isClosed) this.#socket.write(report({ severity, sqlstate: '00000', message, hint }))
      },
    })
    this.#runs.set(id, run)
    this.#options.started({
      id,
      sql,
      session: this.#control,
      startedAtMs: Date.now(),
      cancel: () => run.abort(canceled()),
    })
    const over = (): void => {
      this.#runs.delete(id)
      this.#options.ended(id)
    }
    return { run, over }
  }

  /** Writes to the client; settles when it can take more. */
  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#isClosed) throw canceled()
    if (this.#socket.write(bytes)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#socket.once('drain', resolve)
    this.#socket.once('close', resolve)
    await promise
    this.#socket.off('drain', resolve)
    this.#socket.off('close', resolve)
    if (this.#isClosed) throw canceled()
  }

  /** An error of ours fails the transaction, as one of PostgreSQL's would. */
  async #poison(): Promise<void> {
    if (this.#link.status !== 'T' || !this.#link.isSettled) return
    await this.#link.query('ROLLBACK TO SAVEPOINT pg_changefeed_statement_failed').catch(() => undefined)
  }

  #makeControl(): SessionControl {
    const { parameters, socket } = this.#options
    const database = (): string => this.#database
    const status = (): 'I' | 'T' | 'E' => this.#link.status
    return {
      id: randomBytes(16).toString('hex'),
      user: parameters.get('user') ?? '',
      get database() {
        return database()
      },
      applicationName: parameters.get('application_name') ?? '',
      clientAddress: `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`,
      get transactionStatus() {
        return status()
      },
      queryBackend: (sql) => this.#ask(sql),
      switchDatabase: (name) => this.#switchDatabase(name),
    }
  }

  async #switchDatabase(name: string): Promise<void> {
    if (this.#link.status !== 'I') {
      throw new FeedError('FEED_STATE', 'the database cannot be changed inside a transaction', {
        sqlstate: '25001',
        hint: 'COMMIT or ROLLBACK first',
      })
    }
    const [known] = await this.#link.query(
      `SELECT FROM pg_catalog.pg_database WHERE datname = E'${name.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
    )
    if (known === undefined) throw new FeedError('FEED_NO_DATABASE', `database "${name}" does not exist`)
    const parameters = new Map(this.#options.parameters)
    parameters.set('database', name)
    const before = this.#link
    const next = this.#connect(parameters, false)
    try {
      await next.settled()
    } catch (error) {
      next.end()
      throw error
    }
    this.#link = next
    this.#database = name
    this.#extended.forget()
    before.end()
  }
}

function canceled(): FeedError {
  return new FeedError('FEED_CANCELED', 'query execution canceled')
}

function inFailedTransaction(): FeedError {
  return new FeedError(
    'FEED_STATE',
    'current transaction is aborted, commands ignored until end of transaction block',
    { sqlstate: '25P02' },
  )
}
