// How long a job waits before it tries again: twice as long each time, from the start again once it got somewhere.

export interface BackoffOptions {
  readonly firstMs: number
  readonly mostMs: number
}

export class Backoff {
  readonly #options: () => BackoffOptions
  #lastMs: number | undefined

  /** `options`: asked each time, so that a setting that is changed counts at once. */
  constructor(options: () => BackoffOptions) {
    this.#options = options
  }

  /** The wait before the next attempt. */
  next(): number {
    const { firstMs, mostMs } = this.#options()
    this.#lastMs = Math.min(this.#lastMs === undefined ? firstMs : this.#lastMs * 2, mostMs)
    return this.#lastMs
  }

  reset(): void {
    this.#lastMs = undefined
  }
}
