// How loud the log says that something has failed and is tried again. The first failure may be over at once; what goes on for minutes
// needs somebody.

const longMs = 5 * 60_000

export interface Failure {
  readonly level: 'info' | 'warn' | 'error'
  /** Since when every attempt has failed, if that is for minutes. */
  readonly since: string | undefined
}

export class LastingTrouble {
  readonly #now: () => number
  #sinceMs: number | undefined

  constructor(now: () => number = () => Date.now()) {
    this.#now = now
  }

  /** To be called at each failure. */
  failed(): Failure {
    const isFirst = this.#sinceMs === undefined
    const sinceMs = (this.#sinceMs ??= this.#now())
    if (this.#now() - sinceMs >= longMs) return { level: 'error', since: new Date(sinceMs).toISOString() }
    return { level: isFirst ? 'info' : 'warn', since: undefined }
  }

  /** It works again, or gets further. Returns whether it had failed. */
  over(): boolean {
    const had = this.#sinceMs !== undefined
    this.#sinceMs = undefined
    return had
  }
}
