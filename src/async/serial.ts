// Works that run one at a time, in the order in which they were given. One that fails does not keep the next from running.

export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  /** Settles as `work` does, which begins when everything that was given before is over. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Settles when everything that was given so far is over; never rejects. */
  async idle(): Promise<void> {
    await this.#last
  }
}
