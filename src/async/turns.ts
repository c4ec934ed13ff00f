// Lets one after the other work on a thing. Several things are taken at once or not at all, so that nobody waits for somebody
// who waits for him; who came first is not overtaken by those who came later and want one of the same things.

import { onAbort } from './or-abort.ts'

interface Waiting<Key> {
  readonly keys: readonly Key[]
  readonly begin: () => void
}

export class Turns<Key> {
  readonly #taken = new Set<Key>()
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting<Key>>()

  /** Settles when nobody else has any of the keys; disposing of the result gives them back. Throws the signal's reason if it aborts first. */
  async take(keys: readonly Key[], signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting: Waiting<Key> = { keys, begin: resolve }
    this.#waiting.add(waiting)
    this.#beginNext()
    using _listening = onAbort(signal, () => {
      // Whose turn has begun keeps it, and gives it back as always.
      if (!this.#waiting.delete(waiting)) return
      reject(signal?.reason)
      this.#beginNext()
    })
    await promise
    return {
      [Symbol.dispose]: () => {
        for (const key of keys) this.#taken.delete(key)
        this.#beginNext()
      },
    }
  }

  #beginNext(): void {
    const wantedBefore = new Set<Key>()
    for (const waiting of this.#waiting) {
      const { keys, begin } = waiting
      const isFree = keys.every((key) => !this.#taken.has(key) && !wantedBefore.has(key))
      for (const key of keys) (isFree ? this.#taken : wantedBefore).add(key)
      if (!isFree) continue
      this.#waiting.delete(waiting)
      begin()
    }
  }
}
