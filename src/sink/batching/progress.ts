// Whether a sender still goes on: the error that ended it, and who waits for the next thing to happen.

import { orAbort } from '../../async/or-abort.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { sinkError } from '../kafka/kafka-errors.ts'

export class GoingOn {
  readonly #ended = new AbortController()
  #failure: FeedError | undefined
  #waiter: PromiseWithResolvers<void> | undefined

  /** Aborts when it ends. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  get hasEnded(): boolean {
    return this.#failure !== undefined
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** The first error stays. */
  end(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = sinkError('sending to Kafka failed', error)
    this.#ended.abort(this.#failure)
    this.wake()
  }

  /** Settles at the next `wake`; throws when it has ended. */
  async progress(): Promise<void> {
    this.check()
    this.#waiter ??= Promise.withResolvers()
    await this.#waiter.promise
    this.check()
  }

  wake(): void {
    this.#waiter?.resolve()
    this.#waiter = undefined
  }

  /** Settles as `work` does, or throws why the sender ended before that. */
  orEnd<T>(work: Promise<T>): Promise<T> {
    return orAbort(work, this.signal)
  }
}
