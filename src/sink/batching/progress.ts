// Wakes the callers that wait for a sender when a request was answered, or when the sender has ended with an error.

import { orAbort } from '../../async/or-abort.ts'
import type { FeedError } from '../../errors/feed-error.ts'

export class Progress {
  readonly #ended = new AbortController()
  #failure: FeedError | undefined
  #waiter: PromiseWithResolvers<void> | undefined

  /** Aborts with the error that ended the sender. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  get hasEnded(): boolean {
    return this.#failure !== undefined
  }

  /** Throws the error that ended the sender. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** The first error stays. */
  end(failure: FeedError): void {
    if (this.#failure !== undefined) return
    this.#failure = failure
    this.#ended.abort(failure)
    this.wake()
  }

  /** Settles at the next `wake`; throws when the sender has ended. */
  async next(): Promise<void> {
    this.check()
    this.#waiter ??= Promise.withResolvers()
    await this.#waiter.promise
    this.check()
  }

  wake(): void {
    this.#waiter?.resolve()
    this.#waiter = undefined
  }

  /** Settles as `work` does, or throws the error that ended the sender before that. */
  orEnd<T>(work: Promise<T>): Promise<T> {
    return orAbort(work, this.signal)
  }
}
