// Notices that the far end has confirmed nothing for some seconds. `stalled` is called once a second and compares two numbers,
// so that sending a batch costs nothing more.

import type { SinkStall } from '../sink.ts'

/** Batches that are unconfirmed for a shorter time are not reported. */
export const stallMs = 5000

export class StallWatch {
  readonly #name: string
  #confirmed = 0
  /** The number of confirmed batches at the last call of `stalled`; -1: there was none. */
  #seen = -1
  /** The time of the first call of `stalled` with this number. */
  #sinceMs = 0
  #lastError: string | undefined

  /** `name`: the far end, for the message. */
  constructor(name: string) {
    this.#name = name
  }

  confirmed(): void {
    this.#confirmed += 1
    this.#lastError = undefined
  }

  failed(error: string): void {
    this.#lastError = error
  }

  /** `isBusy`: a batch is being sent, or will be sent again. */
  stalled(isBusy: boolean, nowMs: number): SinkStall | undefined {
    if (!isBusy || this.#confirmed !== this.#seen) {
      this.#seen = this.#confirmed
      this.#sinceMs = nowMs
      return undefined
    }
    if (nowMs - this.#sinceMs < stallMs) return undefined
    const error = this.#lastError === undefined ? '' : `: ${this.#lastError}`
    return { why: `${this.#name} has confirmed nothing since ${new Date(this.#sinceMs).toISOString()}${error}` }
  }
}
