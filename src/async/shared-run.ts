// Runs work that many ask for at the same time: one run at a time, and one that waits for it. Whoever asks while a run is under way gets the
// result of the next one, which begins after the question, together with everybody else who has asked meanwhile.

export class SharedRun<T> {
  #running: Promise<T> | undefined
  #next: Promise<T> | undefined

  run(work: () => Promise<T>): Promise<T> {
    if (this.#running === undefined && this.#next === undefined) return this.#begin(work)
    this.#next ??= Promise.resolve(this.#running)
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#begin(work)
      })
    return this.#next
  }

  #begin(work: () => Promise<T>): Promise<T> {
    const running = work().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }
}
