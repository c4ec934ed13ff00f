// Lets so many do their work at a time; the others wait in line, if the line is not too long.

import { onAbort } from './or-abort.ts'

export interface SlotsOptions {
  readonly most: number
  readonly mostWaiting: number
  /** What those get for whom there is no place in the line. */
  readonly refusal: () => Error
}

export class Slots {
  readonly #options: SlotsOptions
  /** In the order in which they came. */
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(options: SlotsOptions) {
    this.#options = options
  }

  /** Throws the signal's reason if it aborts while the work waits in line; the work itself has to end by itself. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { most, mostWaiting, refusal } = this.#options
    signal?.throwIfAborted()
    if (this.#taken < most) this.#taken += 1
    else if (this.#waiting.size >= mostWaiting) throw refusal()
    else await this.#wait(signal)
    try {
      return await work()
    } finally {
      // The slot goes to the next one in the line.
      const [next] = this.#waiting
      if (next === undefined) this.#taken -= 1
      else {
        this.#waiting.delete(next)
        next()
      }
    }
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    using _listening = onAbort(signal, () => {
      this.#waiting.delete(resolve)
      reject(signal?.reason)
    })
    this.#waiting.add(resolve)
    await promise
  }
}
