// A session's connection to PostgreSQL. It passes on what the server says, unread but for the tags: they tell when the
// server owes nothing more, which is when a statement of ours may answer in its turn.
//
// Every forwarded message that will be answered is expected: Query and Sync by ReadyForQuery, the others by their own
// completion. After an error the server skips to the next Sync, and so do the expectations.

import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { FeedError } from '../errors/feed-error.ts'
import { readFields } from '../postgres/server-error.ts'
import { cancelPacket, flushMessage, queryMessage } from '../wire/frontend-messages.ts'
import { MessageCutter } from '../wire/message-cutter.ts'

export interface BackendAddress {
  readonly socketDir: string
  readonly port: number
}

export interface LinkHandlers {
  /** Bytes for the client, in order. */
  pass(bytes: Buffer): void
  /** The server closed the connection, or could not be reached. */
  lost(error: FeedError): void
  /** The server wants COPY data now. */
  copyIn(): void
}

/** What will answer a forwarded message: by the tags that complete it. */
export const expectation = { ready: 1, parse: 2, bind: 3, close: 4, describe: 5, execute: 6 } as const

const completes: Readonly<Record<number, number>> = {
  0x31: expectation.parse,
  0x32: expectation.bind,
  0x33: expectation.close,
  0x54: expectation.describe,
  0x6e: expectation.describe,
  0x43: expectation.execute,
  0x49: expectation.execute,
  0x73: expectation.execute,
}

interface OwnQuery {
  /** Undefined: pass everything but ReadyForQuery to the client. */
  readonly rows: (string | null)[][] | undefined
  error: FeedError | undefined
  readonly done: PromiseWithResolvers<void>
}

export class BackendLink {
  readonly #address: BackendAddress
  readonly #handlers: LinkHandlers
  readonly socket: Socket
  readonly #cutter: MessageCutter
  #expected: number[] = []
  #head = 0
  /** The server skips until the next Sync. */
  isSkipping = false
  status: 'I' | 'T' | 'E' = 'I'
  #settled: PromiseWithResolvers<void> | undefined
  #own: OwnQuery | undefined
  #isDead = false
  #pid = 0
  #secret: Buffer = Buffer.alloc(0)
  /** Bytes of the chunk at hand that go to the client together. */
  #runStart = 0
  #runEnd = 0
  #runOf: Buffer | undefined
  /** Before the first ReadyForQuery the client gets a key of ours in place of the server's. */
  readonly #key: Buffer
  readonly #passStartup: boolean
  #isStarting = true
  readonly parameters = new Map<string, string>()

  /** `key`: BackendKeyData for the client. `passStartup`: false for a connection that replaces another. */
  constructor(address: BackendAddress, startup: Buffer, key: Buffer, passStartup: boolean, handlers: LinkHandlers) {
    this.#address = address
    this.#handlers = handlers
    this.#key = key
    this.#passStartup = passStartup
    this.#cutter = new MessageCutter({
      message: (tag, bytes, start, end) => this.#message(tag, bytes, start, end),
      mayStream: (tag) => this.#own?.rows === undefined && (tag === 0x44 || tag === 0x64),
      part: (bytes, start, end) => this.#run(bytes, start, end),
    })
    this.#expected.push(expectation.ready)
    this.socket = connect({ path: join(address.socketDir, `.s.PGSQL.${address.port}`) })
    this.socket.on('data', (chunk: Buffer) => {
      try {
        this.#cutter.push(chunk)
        this.#passRun()
      } catch (error) {
        this.#die(error as FeedError)
      }
    })
    this.socket.on('error', (error) => this.#die(unreachable(error)))
    this.socket.on('close', () =>
      this.#die(new FeedError('FEED_SOURCE_DOWN', 'PostgreSQL closed the connection', { sqlstate: '57P01' })),
    )
    this.socket.write(startup)
  }

  get isSettled(): boolean {
    return this.#head === this.#expected.length
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  expect(kind: number): void {
    if (kind === expectation.ready) this.isSkipping = false
    else if (this.isSkipping) return
    this.#expected.push(kind)
  }

  /** Settles when the server owes nothing; asks it to say what it holds back. */
  async settled(): Promise<void> {
    while (!this.isSettled) {
      if (this.#isDead)
        throw new FeedError('FEED_SOURCE_DOWN', 'PostgreSQL closed the connection', { sqlstate: '57P01' })
      if (this.#expected[this.#expected.length - 1] !== expectation.ready) this.send(flushMessage)
      this.#settled ??= Promise.withResolvers()
      await this.#settled.promise
    }
  }

  /** A query of our own, unseen by the client. Only when settled. */
  async query(sql: string): Promise<(string | null)[][]> {
    const own = this.#begin([])
    this.send(queryMessage(sql))
    await own.done.promise
    if (own.error !== undefined) throw own.error
    return own.rows ?? []
  }

  /** A query for the client, whose ReadyForQuery is kept back. True: it succeeded. */
  async relay(sql: string): Promise<boolean> {
    const own = this.#begin(undefined)
    this.send(queryMessage(sql))
    await own.done.promise
    return own.error === undefined
  }

  cancel(): void {
    const socket = connect({ path: join(this.#address.socketDir, `.s.PGSQL.${this.#address.port}`) })
    socket.on('error', () => undefined)
    socket.end(cancelPacket(this.#pid, this.#secret))
  }

  /** Ends the connection in order. */
  end(): void {
    this.#isDead = true
    this.socket.end(Buffer.from([0x58, 0, 0, 0, 4]))
    this.socket.destroySoon()
  }

  #begin(rows: (string | null)[][] | undefined): OwnQuery {
    if (this.#isDead) throw new FeedError('FEED_SOURCE_DOWN', 'PostgreSQL closed the connection', { sqlstate: '57P01' })
    if (!this.isSettled || this.#own !== undefined)
      throw new FeedError('FEED_BUG', 'a query of ours came before the server was ready')
    this.#own = { rows, error: undefined, done: Promise.withResolvers() }
    this.expect(expectation.ready)
    return this.#own
  }

  #message(tag: number, bytes: Buffer, start: number, end: number): void {
    if (tag === 0x4b && this.#isStarting) {
      this.#pid = bytes.readInt32BE(start + 5)
      this.#secret = Buffer.from(bytes.subarray(start + 9, end))
      this.#passRun()
      if (this.#passStartup) this.#handlers.pass(this.#key)
      return
    }
    if (tag === 0x53) this.#parameter(bytes.toString('utf8', start + 5, end - 1))
    if (tag === 0x5a) {
      this.status = String.fromCharCode(bytes[start + 5] as number) as 'I' | 'T' | 'E'
      this.#head += 1
      const silent = this.#own !== undefined || (this.#isStarting && !this.#passStartup)
      this.#isStarting = false
      if (!silent) this.#run(bytes, start, end)
      this.#endOwn()
      this.#checkSettled()
      return
    }
    if (this.#own !== undefined) this.#ownMessage(this.#own, tag, bytes, start, end)
    else {
      if (this.#passStartup || !this.#isStarting) this.#run(bytes, start, end)
      const kind = completes[tag]
      if (kind !== undefined && this.#expected[this.#head] === kind) {
        this.#head += 1
        this.#checkSettled()
      } else if (tag === 0x45) this.#failed()
    }
    if (tag === 0x47) {
      this.#passRun()
      this.#handlers.copyIn()
    }
  }

  #ownMessage(own: OwnQuery, tag: number, bytes: Buffer, start: number, end: number): void {
    if (tag === 0x45) {
      const fields = readFields(bytes, start + 5, end)
      own.error ??= new FeedError('FEED_SOURCE_REFUSED', fields.get('M') ?? '', {
        sqlstate: fields.get('C'),
        hint: fields.get('H'),
        detail: fields.get('D'),
      })
    }
    if (own.rows === undefined) this.#run(bytes, start, end)
    else if (tag === 0x44) own.rows.push(readRow(bytes, start + 5))
  }

  #endOwn(): void {
    const own = this.#own
    this.#own = undefined
    own?.done.resolve()
  }

  #failed(): void {
    while (this.#head < this.#expected.length && this.#expected[this.#head] !== expectation.ready) this.#head += 1
    if (this.isSettled) this.isSkipping = true
    this.#checkSettled()
  }

  #checkSettled(): void {
    if (this.#head < this.#expected.length) return
    this.#expected = []
    this.#head = 0
    this.#passRun()
    this.#settled?.resolve()
    this.#settled = undefined
  }

  #run(bytes: Buffer, start: number, end: number): void {
    if (this.#runOf === bytes && this.#runEnd === start) {
      this.#runEnd = end
      return
    }
    this.#passRun()
    this.#runOf = bytes
    this.#runStart = start
    this.#runEnd = end
  }

  #passRun(): void {
    if (this.#runOf === undefined) return
    const bytes = this.#runOf.subarray(this.#runStart, this.#runEnd)
    this.#runOf = undefined
    this.#handlers.pass(bytes)
  }

  #parameter(text: string): void {
    const [name = '', value = ''] = text.split('\0')
    this.parameters.set(name, value)
  }

  #die(error: FeedError): void {
    if (this.#isDead) return
    this.#isDead = true
    this.#passRun()
    this.socket.destroy()
    this.#settled?.reject(error)
    this.#settled?.promise.catch(() => undefined)
    const own = this.#own
    if (own !== undefined) {
      own.error = error
      this.#endOwn()
    }
    this.#handlers.lost(error)
  }
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

function unreachable(error: Error): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', 'the database system is starting up', {
    sqlstate: '57P03',
    detail: error.message,
  })
}
