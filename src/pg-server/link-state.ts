// The state of a session's connection to PostgreSQL: its phase, the answers that the server still owes, the parameters and the key
// that the server has sent, and the promise for those who wait until no answer is owed.

import type { FeedError } from '../errors/feed-error.ts'
import type { BackendKey } from '../postgres/dial.ts'
import { gone } from './backend-errors.ts'
import { Expectations } from './expectations.ts'
import { exchangeOf, followLink, type LinkPhase } from './link-phase.ts'
import type { TransactionStatus } from './local-statement.ts'

export class LinkState {
  readonly expectations = new Expectations()
  readonly parameters = new Map<string, string>()
  /** The status in the last ReadyForQuery. */
  transaction: TransactionStatus = 'I'
  key: BackendKey = { pid: 0, secret: Buffer.alloc(0) }
  /** The fatal error with which the server ends the connection. */
  lastWords: FeedError | undefined
  #phase: LinkPhase
  #settling: PromiseWithResolvers<void> | undefined

  constructor(phase: LinkPhase) {
    this.#phase = phase
  }

  get phase(): LinkPhase {
    return this.#phase
  }

  /** Whether the server owes no answer, neither to the client nor to us. */
  get isSettled(): boolean {
    return this.expectations.isEmpty && exchangeOf(this.#phase) === undefined
  }

  /** Whether a call of `settling` waits until no answer is owed. */
  get isAwaited(): boolean {
    return this.#settling !== undefined
  }

  /** The error for those who use the connection after its end. */
  get whyOver(): FeedError {
    return this.lastWords ?? gone()
  }

  enter(phase: LinkPhase): void {
    this.#phase = followLink(this.#phase, phase)
  }

  /** Settles when the server owes no answer; rejects if the connection ends before that. */
  settling(): Promise<void> {
    this.#settling ??= Promise.withResolvers()
    return this.#settling.promise
  }

  /** Called when the server owes no answer: resolves the promise of `settling`. */
  settled(): void {
    this.#settling?.resolve()
    this.#settling = undefined
  }

  /** Called when the connection ends: those who wait for an answer get the error. */
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
