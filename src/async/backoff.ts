// How long somebody waits who tries again what has failed: twice as long each time, up to a limit.

export interface BackoffOptions {
  readonly firstMs: number
  readonly mostMs: number
}

export class Backoff {
  readonly #options: () => BackoffOptions
  #lastMs: number | undefined

  /** A function in place of `options` is asked each time, so that a setting that is changed counts at once. */
  constructor(options: BackoffOptions | (() => BackoffOptions)) {
    this.#options = typeof options === 'function' ? options : () => options
  }

  /** Returns the wait before the next attempt. */
  next(): number {
    const { firstMs, mostMs } = this.#options()
    this.#lastMs = Math.min(this.#lastMs === undefined ? firstMs : this.#lastMs * 2, mostMs)
    return this.#lastMs
  }

  /** An attempt has succeeded, or lived for long: the waits begin anew. */
  reset(): void {
    this.#lastMs = undefined
  }
}

/** Returns the wait after so many failures in a row, for callers that count them anyway. */
export function backoffAfter(failures: number, { firstMs, mostMs }: BackoffOptions): number {
  return Math.min(firstMs * 2 ** (failures - 1), mostMs)
}
