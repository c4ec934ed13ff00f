// How long a job waits before it tries again: twice as long each time, from the start again once it got somewhere.

export interface BackoffOptions {
  readonly firstMs: number
  readonly mostMs: number
}

export class Backoff {
  readonly #options: BackoffOptions
  #nextMs: number

  constructor(options: BackoffOptions) {
    this.#options = options
    this.#nextMs = options.firstMs
  }

  /** The wait before the next attempt. */
  next(): number {
    const now = this.#nextMs
    this.#nextMs = Math.min(now * 2, this.#options.mostMs)
    return now
  }

  reset(): void {
    this.#nextMs = this.#options.firstMs
  }
}
