// Runs asynchronous functions one at a time, in the order of the calls. The next one runs even if the previous one failed.

export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  /** Calls `work` when all earlier calls have settled, and settles as `work` does. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Settles when all calls so far have settled; never rejects. */
  async idle(): Promise<void> {
    await this.#last
  }
}
