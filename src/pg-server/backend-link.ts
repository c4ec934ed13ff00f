// The connection of a session to PostgreSQL. It sends the messages of the client, and passes the answers of the server to the
// client through `ServerMessages`. It also runs queries of our own, one at a time, whose answers the client does not see, or
// sees without their ReadyForQuery.

import type { Socket } from 'node:net'
import type { FeedError } from '../errors/feed-error.ts'
import { cancelBackend, type Route } from '../postgres/dial.ts'
import { dialServer } from '../postgres/dial-server.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { queryMessage, syncMessage, terminateMessage } from '../wire/frontend-messages.ts'
import { gone, notUp } from './backend-errors.ts'
import { Exchanges } from './exchanges.ts'
import { reply, type Expectations } from './expectations.ts'
import { legOf, type Leg } from './leg.ts'
import { exchangeOf, showsAnswers, type Exchange, type LinkPhase } from './link-phase.ts'
import { LinkState } from './link-state.ts'
import type { SentText, TransactionStatus } from './local-statement.ts'
import { ServerMessages, type ServerMessageHandlers } from './server-messages.ts'

export interface LinkHandlers extends Omit<ServerMessageHandlers, 'pass' | 'asks'> {
  /** Sends bytes to the client, in order. Returns false if the client is slow; then the server is not read until `resume`. */
  pass(bytes: Buffer): boolean
  /** Called with each Authentication message of a login; returns what the client gets instead. It may throw. */
  asks(message: Buffer, server: Leg): Buffer
  /** Called when the server can receive more. */
  drained(): void
  /** Called when the connection has ended. `isTold`: the client has the server's own error, or cannot receive one. */
  lost(error: FeedError, isTold: boolean): void
}

export interface LinkOptions {
  readonly server: SourceConnection
  readonly startup: Buffer
  /** The phase in which the connection begins. */
  readonly begins: 'authenticating' | 'replacing'
  readonly handlers: LinkHandlers
}

export class BackendLink {
  /** Where the connection is; undefined until it is connected. */
  #route: Route | undefined
  readonly #handlers: LinkHandlers
  readonly #dialing = new AbortController()
  /** The socket; undefined until it is connected. */
  #socket: Socket | undefined
  /** The bytes to send as soon as the socket is connected. */
  readonly #unsent: Uint8Array[]
  readonly #state: LinkState
  readonly #messages: ServerMessages
  readonly #exchanges: Exchanges

  constructor({ server, startup, begins, handlers }: LinkOptions) {
    this.#handlers = handlers
    this.#unsent = [startup]
    this.#state = new LinkState({ tag: begins })
    this.#messages = new ServerMessages(this.#state, {
      ...handlers,
      pass: (bytes) => {
        if (!handlers.pass(bytes)) this.#socket?.pause()
      },
      asks: (message) => handlers.asks(message, legOf(this.#socket as Socket)),
    })
    this.#exchanges = new Exchanges(this.#state, (bytes) => this.send(bytes))
    this.expectations.add(reply.query)
    dialServer(server, { signal: this.#dialing.signal }).then(
      ({ socket, route }) => this.#opened(socket, route),
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

  /** Whether the client has a part of a message, so that the rest must be sent before anything else. */
  get isMidMessage(): boolean {
    return this.#messages.isMidMessage
  }

  get isExchanging(): boolean {
    return exchangeOf(this.#state.phase) !== undefined
  }

  get isOver(): boolean {
    return this.#state.phase.tag === 'over'
  }

  /** Whether the server is slower than the client sends. */
  get isFull(): boolean {
    return this.#socket?.writableNeedDrain ?? this.#unsent.length > 1
  }

  /** The encoding of all text between the client and the server. */
  get clientEncoding(): string {
    return this.parameters.get('client_encoding') ?? 'UTF8'
  }

  send(bytes: Uint8Array): void {
    if (this.#socket === undefined) this.#unsent.push(bytes)
    else this.#socket.write(bytes)
  }

  /** Reads from the server again, after `pass` returned false. */
  resume(): void {
    this.#socket?.resume()
  }

  /** Settles when the server owes no answer, and asks the server for answers that it has not flushed. */
  async settled(): Promise<void> {
    await this.#exchanges.settled()
  }

  /** Runs a query that the client does not see. `noticed` is called with the message of each notice in the answer. */
  async query(sql: string, noticed?: (message: string) => void): Promise<(string | null)[][]> {
    return this.#ask(queryMessage(sql), reply.query, noticed)
  }

  /** Runs a query for the client, but without its ReadyForQuery. Returns false if the query failed; the client has the error. */
  async relay({ sql, positions }: SentText): Promise<boolean> {
    try {
      const phase = (exchange: Exchange): LinkPhase => ({ tag: 'relaying', exchange })
      await this.#exchanges.run({ bytes: queryMessage(sql), kind: reply.query, positions, phase })
      return true
    } catch (error) {
      if (this.isOver) throw error
      return false
    }
  }

  /** Sends `before` and a Sync; the client does not see the answers. In a pipeline the Sync ends an implicit transaction. */
  async synchronize(before?: Buffer): Promise<void> {
    await this.#ask(before === undefined ? syncMessage : Buffer.concat([before, syncMessage]), reply.sync)
  }

  /** Returns the status of the transaction, also in the middle of a pipeline. */
  async statusNow(): Promise<TransactionStatus> {
    await this.settled()
    if (!this.expectations.endsReady && !this.expectations.isSkipping) await this.synchronize()
    return this.status
  }

  /** Cancels what the server runs. Settles when the request can no longer cancel a statement that is sent afterwards. */
  async cancel(): Promise<void> {
    if (this.#route !== undefined) await cancelBackend(this.#route, this.#state.key)
  }

  /** Called after the client's Terminate: the server completes what it received and closes; its answers are ignored. */
  leave(): void {
    if (!this.isOver) this.#state.end(gone())
    this.#socket?.resume()
  }

  /** Ends the connection. A server that is still running a statement notices the closed socket and stops. */
  close(): void {
    if (this.isOver) return
    const isIdle = this.#state.isSettled
    this.#state.end(gone())
    this.#dialing.abort()
    this.#socket?.resume()
    if (isIdle) this.#socket?.end(terminateMessage)
    else this.#socket?.destroySoon()
  }

  #opened(socket: Socket, route: Route): void {
    this.#route = route
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
    return tag !== 'authenticating' && tag !== 'replacing'
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
