// Whether brokers still confirm what they are sent. Looked at now and then, so that sending pays nothing for it.

import type { SinkStall } from '../sink.ts'

/** A batch that is unconfirmed for less is nothing to speak of. */
export const stallMs = 5000

export class Confirmations {
  #confirmed = 0
  #seen = 0
  #sinceMs = 0
  #lastError: string | undefined

  add(): void {
    this.#confirmed += 1
    this.#lastError = undefined
  }

  failed(error: string): void {
    this.#lastError = error
  }

  /** `isUnderWay`: something is sent, or is about to be sent again. */
  stalled(isUnderWay: boolean, nowMs: number): SinkStall | undefined {
    if (!isUnderWay || this.#confirmed !== this.#seen) {
      this.#seen = this.#confirmed
      this.#sinceMs = nowMs
      return undefined
    }
    if (nowMs - this.#sinceMs < stallMs) return undefined
    const error = this.#lastError === undefined ? '' : `: ${this.#lastError}`
    return { why: `Kafka has confirmed nothing since ${new Date(this.#sinceMs).toISOString()}${error}` }
  }
}
