// A session's connection to PostgreSQL: what the client sends goes in, what the server says comes out through
// `ServerMessages`, and when the server owes nothing more a statement of ours may answer in its turn. The connection also
// carries queries of our own, one at a time, which the client does not see, or sees without their ReadyForQuery.

import type { Socket } from 'node:net'
import type { FeedError } from '../errors/feed-error.ts'
import { cancelBackend, dial, type PostgresAddress } from '../postgres/dial.ts'
import { queryMessage, syncMessage, terminateMessage } from '../wire/frontend-messages.ts'
import { gone, notUp } from './backend-errors.ts'
import { Exchanges } from './exchanges.ts'
import { reply, type Expectations } from './expectations.ts'
import { exchangeOf, showsAnswers, type Exchange, type LinkPhase } from './link-phase.ts'
import { LinkState, type TransactionStatus } from './link-state.ts'
import type { SentText } from './local-statement.ts'
import { ServerMessages, type ServerMessageHandlers } from './server-messages.ts'

export interface LinkHandlers extends Omit<ServerMessageHandlers, 'pass'> {
  /** Bytes for the client, in order. False: the client is behind, and the server is read on after `resume`. */
  pass(bytes: Buffer): boolean
  /** The server can take more. */
  drained(): void
  /** The connection is over. `isTold`: the client has the server's own last words, or cannot take any. */
  lost(error: FeedError, isTold: boolean): void
}

export interface LinkOptions {
  readonly address: PostgresAddress
  readonly startup: Buffer
  /** The phase in which the connection begins. */
  readonly begins: 'starting' | 'replacing'
  readonly handlers: LinkHandlers
}

export class BackendLink {
  readonly #address: PostgresAddress
  readonly #handlers: LinkHandlers
  readonly #dialing = new AbortController()
  /** Undefined until PostgreSQL is reached. */
  #socket: Socket | undefined
  /** What is sent as soon as PostgreSQL is reached. */
  readonly #unsent: Uint8Array[]
  readonly #state: LinkState
  readonly #messages: ServerMessages
  readonly #exchanges: Exchanges

  constructor({ address, startup, begins, handlers }: LinkOptions) {
    this.#address = address
    this.#handlers = handlers
    this.#unsent = [startup]
    this.#state = new LinkState({ tag: begins })
    this.#messages = new ServerMessages(this.#state, {
      ...handlers,
      pass: (bytes) => {
        if (!handlers.pass(bytes)) this.#socket?.pause()
      },
    })
    this.#exchanges = new Exchanges(this.#state, (bytes) => this.send(bytes))
    this.expectations.add(reply.query)
    dial(address, { signal: this.#dialing.signal }).then(
      (socket) => this.#opened(socket),
      (error: Error) => this.#end(notUp(error)),
    )
  }

  get expectations(): Expectations {
    return this.#state.expectations
  }

  get parameters(): ReadonlyMap<string, string> {
    return this.#state.parameters
  }

  get status(): TransactionStatus {
    return this.#state.transaction
  }

  get pid(): number {
    return this.#state.key.pid
  }

  /** The client has a part of a message, and nothing else may go out before the rest. */
  get isMidMessage(): boolean {
    return this.#messages.isMidMessage
  }

  get isExchanging(): boolean {
    return exchangeOf(this.#state.phase) !== undefined
  }

  get isOver(): boolean {
    return this.#state.phase.tag === 'over'
  }

  /** The server does not keep up with what it is sent. */
  get isFull(): boolean {
    return this.#socket?.writableNeedDrain ?? this.#unsent.length > 1
  }

  /** The encoding of the texts that the client sends and wants. */
  get clientEncoding(): string {
    return this.parameters.get('client_encoding') ?? 'UTF8'
  }

  send(bytes: Uint8Array): void {
    if (this.#socket === undefined) this.#unsent.push(bytes)
    else this.#socket.write(bytes)
  }

  /** The client can take more of what the server says. */
  resume(): void {
    this.#socket?.resume()
  }

  /** Settles when the server owes nothing; asks it to say what it holds back. */
  async settled(): Promise<void> {
    await this.#exchanges.settled()
  }

  /** Runs a query of our own, which the client does not see. `noticed` gets the message of each notice in the answer. */
  async query(sql: string, noticed?: (message: string) => void): Promise<(string | null)[][]> {
    return this.#ask(queryMessage(sql), reply.query, noticed)
  }

  /** Runs a query for the client, whose ReadyForQuery is kept back. False: it failed, and the client knows. */
  async relay({ sql, place }: SentText): Promise<boolean> {
    try {
      const phase = (exchange: Exchange): LinkPhase => ({ tag: 'relaying', exchange })
      await this.#exchanges.run({ bytes: queryMessage(sql), kind: reply.query, place, phase })
      return true
    } catch (error) {
      if (this.isOver) throw error
      return false
    }
  }

  /** Sends `before` and a Sync, unseen by the client. In the middle of a pipeline this ends an implicit transaction. */
  async synchronize(before?: Buffer): Promise<void> {
    await this.#ask(before === undefined ? syncMessage : Buffer.concat([before, syncMessage]), reply.sync)
  }

  /** Returns how the transaction stands, also in the middle of a pipeline. */
  async statusNow(): Promise<TransactionStatus> {
    await this.settled()
    if (!this.expectations.endsReady && !this.expectations.isSkipping) await this.synchronize()
    return this.status
  }

  /** Asks the server to stop what it does. Settles when a statement that is sent next is not cancelled by that. */
  cancel(): Promise<void> {
    return cancelBackend(this.#address, this.#state.key)
  }

  /** The client has said that it leaves: the server finishes what it was given, unheard, and closes. */
  leave(): void {
    if (!this.isOver) this.#state.end(gone())
    this.#socket?.resume()
  }

  /** Ends the connection. A server that is busy for nobody finds its client gone and stops. */
  close(): void {
    if (this.isOver) return
    const isIdle = this.#state.isSettled
    this.#state.end(gone())
    this.#dialing.abort()
    this.#socket?.resume()
    if (isIdle) this.#socket?.end(terminateMessage)
    else this.#socket?.destroySoon()
  }

  #opened(socket: Socket): void {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('drain', () => this.#handlers.drained())
    socket.on('error', (error) => this.#end(this.#isUp ? gone(error) : notUp(error)))
    socket.on('close', () => this.#end(gone()))
    for (const bytes of this.#unsent.splice(0)) socket.write(bytes)
    if (!this.isFull) this.#handlers.drained()
  }

  get #isUp(): boolean {
    const { tag } = this.#state.phase
    return tag !== 'starting' && tag !== 'replacing'
  }

  async #ask(bytes: Buffer, kind: number, noticed?: (message: string) => void): Promise<(string | null)[][]> {
    const rows: (string | null)[][] = []
    const phase = (exchange: Exchange): LinkPhase => ({ tag: 'asking', exchange, rows, noticed })
    await this.#exchanges.run({ bytes, kind, phase })
    return rows
  }

  #take(chunk: Buffer): void {
    try {
      this.#messages.take(chunk)
    } catch (error) {
      this.#end(error as FeedError)
    }
  }

  #end(error: FeedError): void {
    const state = this.#state
    const { phase } = state
    if (phase.tag === 'over') return
    const cause = state.lastWords ?? error
    state.end(cause)
    this.#messages.flush()
    this.#socket?.destroy()
    const isTold = (state.lastWords !== undefined && showsAnswers(phase)) || this.isMidMessage
    this.#handlers.lost(cause, isTold)
  }
}
