// How long a caller waits before it repeats an operation that failed: twice as long each time, up to a limit.

export interface BackoffOptions {
  readonly firstMs: number
  readonly mostMs: number
}

export class Backoff {
  readonly #options: () => BackoffOptions
  #lastMs: number | undefined

  /** A function in place of `options` is called before each wait, so that a changed setting has its effect at once. */
  constructor(options: BackoffOptions | (() => BackoffOptions)) {
    this.#options = typeof options === 'function' ? options : () => options
  }

  /** Returns the wait before the next attempt. */
  next(): number {
    const { firstMs, mostMs } = this.#options()
    this.#lastMs = Math.min(this.#lastMs === undefined ? firstMs : this.#lastMs * 2, mostMs)
    return this.#lastMs
  }

  /** Call when an attempt has succeeded, or has lasted for long: the waits start from the shortest again. */
  reset(): void {
    this.#lastMs = undefined
  }
}

/** Returns the wait after `failures` failures in a row, for callers that count them anyway. */
export function backoffAfter(failures: number, { firstMs, mostMs }: BackoffOptions): number {
  return Math.min(firstMs * 2 ** (failures - 1), mostMs)
}
