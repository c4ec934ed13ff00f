// What is known of a session's connection to PostgreSQL: its phase, what the server still owes, what it has said about
// itself, and who waits until it owes nothing.

import type { FeedError } from '../errors/feed-error.ts'
import type { BackendKey } from '../postgres/dial.ts'
import { gone } from './backend-errors.ts'
import { Expectations } from './expectations.ts'
import { exchangeOf, followLink, type LinkPhase } from './link-phase.ts'

/** I: no transaction; T: in a transaction; E: in a failed transaction. */
export type TransactionStatus = 'I' | 'T' | 'E'

export class LinkState {
  readonly expectations = new Expectations()
  readonly parameters = new Map<string, string>()
  /** As the last ReadyForQuery said. */
  transaction: TransactionStatus = 'I'
  key: BackendKey = { pid: 0, secret: Buffer.alloc(0) }
  /** The error with which the server ends the connection. */
  lastWords: FeedError | undefined
  #phase: LinkPhase
  #settling: PromiseWithResolvers<void> | undefined

  constructor(phase: LinkPhase) {
    this.#phase = phase
  }

  get phase(): LinkPhase {
    return this.#phase
  }

  /** The server owes no answer, neither to the client nor to us. */
  get isSettled(): boolean {
    return this.expectations.isEmpty && exchangeOf(this.#phase) === undefined
  }

  /** Somebody waits until the server owes nothing. */
  get isAwaited(): boolean {
    return this.#settling !== undefined
  }

  /** Why the connection is of no use any more, where it is over. */
  get whyOver(): FeedError {
    return this.lastWords ?? gone()
  }

  enter(phase: LinkPhase): void {
    this.#phase = followLink(this.#phase, phase)
  }

  /** Settles when the server owes nothing; rejects when the connection ends before. */
  settling(): Promise<void> {
    this.#settling ??= Promise.withResolvers()
    return this.#settling.promise
  }

  /** The server owes nothing: whoever waits for that goes on. */
  settled(): void {
    this.#settling?.resolve()
    this.#settling = undefined
  }

  /** The connection is over: whoever waits for an answer hears why. */
  end(error: FeedError): void {
    const exchange = exchangeOf(this.#phase)
    this.enter({ tag: 'over' })
    this.#settling?.promise.catch(() => undefined)
    this.#settling?.reject(error)
    this.#settling = undefined
    if (exchange === undefined) return
    exchange.error = error
    exchange.done.resolve()
  }
}
