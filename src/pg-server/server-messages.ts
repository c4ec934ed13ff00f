// Reads what PostgreSQL says on a session's connection and passes on what the client is to see, in runs, as it came. Most
// messages are read no further than their tag: it tells what the server still owes.

import { FeedError } from '../errors/feed-error.ts'
import { askedMethod } from '../postgres/authenticate.ts'
import { readDataRow } from '../postgres/backend-messages.ts'
import { readFields } from '../postgres/server-error.ts'
import { ByteRun } from '../wire/byte-run.ts'
import { MessageCutter } from '../wire/message-cutter.ts'
import { withFields, type ReportFields } from '../wire/report-fields.ts'
import { movePosition } from '../wire/report-position.ts'
import { fromServer } from '../wire/tags.ts'
import { mustReconnect } from './backend-errors.ts'
import { exchangeOf, showsAnswers, showsAsides } from './link-phase.ts'
import type { LinkState, TransactionStatus } from './link-state.ts'
import type { Refusal } from './local-statement.ts'

export interface ServerMessageHandlers {
  /** Bytes for the client, in order. */
  pass(bytes: Buffer): void
  /** The server has sent its key; returns what the client gets in the place of the key. */
  key(pid: number): Buffer
  /** The server is ready for the next statement of the client. */
  ready(status: TransactionStatus): void
  /** The server waits for COPY data. */
  copyIn(): void
  /** What the client is told instead of an error of the server; undefined: the error goes as it came. */
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
      message: (tag, bytes, start, end) => this.#message(tag, bytes, start, end),
      // A query of our own needs its rows whole.
      mayStream: (tag) => (tag === fromServer.dataRow || tag === fromServer.copyData) && state.phase.tag !== 'asking',
      part: (bytes, start, end) => this.#show(bytes, start, end),
    })
  }

  /** The client has a part of a message, and nothing else may go out before the rest. */
  get isMidMessage(): boolean {
    return this.#cutter.isMidMessage
  }

  /** Throws for bytes that are no message. */
  take(chunk: Buffer): void {
    this.#cutter.push(chunk)
    this.#run.flush()
  }

  /** Passes on what is held back so that it leaves in one piece. */
  flush(): void {
    this.#run.flush()
  }

  #message(tag: number, bytes: Buffer, start: number, end: number): false {
    const state = this.#state
    const { phase } = state
    switch (tag) {
      case fromServer.readyForQuery:
        this.#ready(bytes, start, end)
        return false
      case fromServer.errorResponse:
        this.#error(bytes, start, end)
        return false
      case fromServer.keyData:
        this.#key(bytes, start, end)
        return false
      case fromServer.parameterStatus:
        this.#parameter(bytes.toString('utf8', start + 5, end - 1))
        this.#showAside(bytes, start, end)
        return false
      case fromServer.notification:
        this.#showAside(bytes, start, end)
        return false
      case fromServer.authentication:
        // The client answers itself what the server asks at the start of its session.
        if (phase.tag === 'replacing' && askedMethod(bytes, start + 5) !== undefined) throw mustReconnect()
        break
      case fromServer.copyInResponse:
        state.expectations.copyStarts()
        this.#show(bytes, start, end)
        this.#run.flush()
        this.#handlers.copyIn()
        return false
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
    return false
  }

  #show(bytes: Buffer, start: number, end: number): void {
    if (showsAnswers(this.#state.phase)) this.#run.add(bytes, start, end)
  }

  #showAside(bytes: Buffer, start: number, end: number): void {
    if (showsAsides(this.#state.phase)) this.#run.add(bytes, start, end)
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

  /** The client gets positions of the text that it wrote, and our words where we are the cause of an error. */
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
    const said = showsAnswers(state.phase)
      ? this.#handlers.explain({ sqlstate: error.sqlstate, message: error.message, context: fields.get('W') })
      : undefined
    const { place } = state.expectations
    const moved = place === undefined ? undefined : movePosition(bytes, start, end, place)
    if (moved === undefined && said === undefined) this.#show(bytes, start, end)
    else {
      const placed = moved ?? bytes.subarray(start, end)
      const shown = said === undefined ? placed : withFields(placed, said)
      this.#show(shown, 0, shown.length)
    }
    state.expectations.failed()
    this.#checkSettled()
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
