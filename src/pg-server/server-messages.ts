// Reads the messages of PostgreSQL on a session's connection, and passes on those that the client may see, many in one write. Of
// most messages only the tag is read, to record which answers the server still owes.

import { FeedError } from '../errors/feed-error.ts'
import { mostLoginBytes, readDataRow } from '../postgres/backend-messages.ts'
import { readFields } from '../postgres/server-error.ts'
import { method, methodOf } from '../wire/authentication.ts'
import { ByteRun } from '../wire/byte-run.ts'
import { MessageCutter } from '../wire/message-cutter.ts'
import { withFields, type ReportFields } from '../wire/report-fields.ts'
import { movePosition } from '../wire/report-position.ts'
import { fromServer } from '../wire/tags.ts'
import { mustReconnect } from './backend-errors.ts'
import { exchangeOf, showsAnswers, showsAsides } from './link-phase.ts'
import type { LinkState } from './link-state.ts'
import type { Refusal, TransactionStatus } from './local-statement.ts'
import { explainLogin } from './login-errors.ts'

export interface ServerMessageHandlers {
  /** Sends bytes to the client, in order. */
  pass(bytes: Buffer): void
  /** Called with each Authentication message of a login; returns what the client gets instead. It may throw. */
  asks(message: Buffer): Buffer
  /** Called when the server has let the client in. */
  letIn(): void
  /** Called when the server has sent its key; returns the message that the client gets instead. */
  key(pid: number): Buffer
  /** Called when the server is ready for the next statement of the client. */
  ready(status: TransactionStatus): void
  /** Called when the server waits for COPY data. */
  copyIn(): void
  /** Returns other fields for an error of the server; undefined: the error is passed on unchanged. */
  explain(refusal: Refusal): ReportFields | undefined
}

export class ServerMessages {
  readonly #state: LinkState
  readonly #handlers: ServerMessageHandlers
  readonly #cutter: MessageCutter
  readonly #run: ByteRun

  constructor(state: LinkState, handlers: ServerMessageHandlers) {
    this.#state = state
    this.#handlers = handlers
    this.#run = new ByteRun((bytes) => handlers.pass(bytes))
    this.#cutter = new MessageCutter({
      message: (tag, bytes, start, end) => {
        this.#message(tag, bytes, start, end)
        return false
      },
      // For a query of our own each row must be complete.
      mayStream: (tag) => (tag === fromServer.dataRow || tag === fromServer.copyData) && state.phase.tag !== 'asking',
      most: () => (state.phase.tag === 'authenticating' || state.phase.tag === 'replacing' ? mostLoginBytes : Infinity),
      part: (bytes, start, end) => this.#show(bytes, start, end),
    })
  }

  /** Whether the client has a part of a message, so that the rest must be sent before anything else. */
  get isMidMessage(): boolean {
    return this.#cutter.isMidMessage
  }

  /** Processes bytes of the server. Throws if they are no messages. */
  take(chunk: Buffer): void {
    this.#cutter.push(chunk)
    this.#run.flush()
  }

  /** Passes on the messages that are collected for one write. */
  flush(): void {
    this.#run.flush()
  }

  #message(tag: number, bytes: Buffer, start: number, end: number): void {
    const state = this.#state
    const { phase } = state
    switch (tag) {
      case fromServer.readyForQuery:
        return this.#ready(bytes, start, end)
      case fromServer.errorResponse:
        return this.#error(bytes, start, end)
      case fromServer.keyData:
        return this.#key(bytes, start, end)
      case fromServer.parameterStatus:
        this.#parameter(bytes.toString('utf8', start + 5, end - 1))
        return this.#showAside(bytes, start, end)
      case fromServer.notification:
        return this.#showAside(bytes, start, end)
      case fromServer.authentication:
        return this.#authentication(bytes, start, end)
      case fromServer.copyInResponse:
        state.expectations.copyStarts()
        this.#show(bytes, start, end)
        this.#run.flush()
        return this.#handlers.copyIn()
      case fromServer.dataRow:
        if (phase.tag === 'asking') phase.rows.push(readDataRow(bytes, start + 5))
        break
      case fromServer.noticeResponse:
        if (phase.tag === 'asking') phase.noticed?.(readFields(bytes, start + 5, end).get('M') ?? '')
        break
      default:
        break
    }
    this.#show(bytes, start, end)
    state.expectations.message(tag)
    if (state.isAwaited) this.#checkSettled()
  }

  #show(bytes: Buffer, start: number, end: number): void {
    if (showsAnswers(this.#state.phase)) this.#run.add(bytes, start, end)
  }

  #showAside(bytes: Buffer, start: number, end: number): void {
    if (showsAsides(this.#state.phase)) this.#run.add(bytes, start, end)
  }

  #authentication(bytes: Buffer, start: number, end: number): void {
    const state = this.#state
    const isLetIn = methodOf(bytes, start) === method.ok
    // The client has answered on its first connection, and we keep nothing of its answers.
    if (state.phase.tag !== 'authenticating') {
      if (isLetIn) return
      throw mustReconnect()
    }
    const shown = this.#handlers.asks(bytes.subarray(start, end))
    this.#show(shown, 0, shown.length)
    if (!isLetIn) return
    this.#run.flush()
    state.enter({ tag: 'starting' })
    this.#handlers.letIn()
  }

  #ready(bytes: Buffer, start: number, end: number): void {
    const state = this.#state
    const { phase } = state
    const exchange = exchangeOf(phase)
    state.transaction = String.fromCharCode(bytes[start + 5] as number) as TransactionStatus
    state.expectations.ready()
    if (phase.tag === 'over') return
    if (exchange === undefined) this.#show(bytes, start, end)
    state.enter({ tag: 'passing' })
    this.#run.flush()
    if (exchange === undefined) this.#handlers.ready(state.transaction)
    else exchange.done.resolve()
    this.#checkSettled()
  }

  /** Passes on an error with the position in the text of the client, and with our fields if we caused the error. */
  #error(bytes: Buffer, start: number, end: number): void {
    const state = this.#state
    const fields = readFields(bytes, start + 5, end)
    const error = new FeedError('FEED_SOURCE_REFUSED', fields.get('M') ?? '', {
      sqlstate: fields.get('C'),
      hint: fields.get('H'),
      detail: fields.get('D'),
    })
    const severity = fields.get('V') ?? fields.get('S')
    if (severity === 'FATAL' || severity === 'PANIC') state.lastWords = error
    const exchange = exchangeOf(state.phase)
    if (exchange !== undefined) exchange.error ??= error
    const said = showsAnswers(state.phase) ? this.#explain(error, fields) : undefined
    const { positions } = state.expectations
    const moved = positions === undefined ? undefined : movePosition(bytes, start, end, positions)
    if (moved === undefined && said === undefined) this.#show(bytes, start, end)
    else {
      const placed = moved ?? bytes.subarray(start, end)
      const shown = said === undefined ? placed : withFields(placed, said)
      this.#show(shown, 0, shown.length)
    }
    state.expectations.failed()
    this.#checkSettled()
  }

  #explain({ sqlstate, message }: FeedError, fields: ReadonlyMap<string, string>): ReportFields | undefined {
    const refusal = { sqlstate, message, context: fields.get('W'), routine: fields.get('R') }
    const said = this.#handlers.explain(refusal)
    return said ?? (this.#state.phase.tag === 'authenticating' ? explainLogin(refusal) : undefined)
  }

  #key(bytes: Buffer, start: number, end: number): void {
    const pid = bytes.readInt32BE(start + 5)
    this.#state.key = { pid, secret: Buffer.from(bytes.subarray(start + 9, end)) }
    if (this.#state.phase.tag !== 'starting') return
    const shown = this.#handlers.key(pid)
    this.#run.add(shown, 0, shown.length)
  }

  #parameter(text: string): void {
    const [name = '', value = ''] = text.split('\0')
    this.#state.parameters.set(name, value)
  }

  #checkSettled(): void {
    if (!this.#state.isSettled) return
    this.#run.flush()
    this.#state.settled()
  }
}
