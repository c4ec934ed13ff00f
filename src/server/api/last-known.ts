// What PostgreSQL has answered last, for a page that is worth something without it. Whoever asks waits for a short time only, and then gets the last
// answer and its age. A question that is not answered yet stands for all that follow: pages ask again and again.

import { late, orLate } from '../../async/or-late.ts'

const mostKept = 100

export interface Known<T> {
  /** Undefined: there has been no answer yet. */
  readonly value: T | undefined
  /** Why `value` is not the present; undefined: it is. */
  readonly trouble: string | undefined
}

interface Entry<T> {
  value: T | undefined
  asking: Promise<T> | undefined
}

export class LastKnown<T> {
  readonly #withinMs: number
  /** The one that was asked for least recently gives way to another one. */
  readonly #entries = new Map<string, Entry<T>>()

  constructor(withinMs: number) {
    this.#withinMs = withinMs
  }

  async ask(key: string, work: () => Promise<T>): Promise<Known<T>> {
    const entry = this.#entryOf(key)
    if (entry.asking === undefined) {
      const asking = work()
      entry.asking = asking
      asking.then(
        (value) => {
          entry.value = value
          entry.asking = undefined
        },
        () => {
          entry.asking = undefined
        },
      )
    }
    try {
      const answer = await orLate(entry.asking, this.#withinMs)
      if (answer !== late) return { value: answer, trouble: undefined }
      return { value: entry.value, trouble: `PostgreSQL has not answered within ${this.#withinMs / 1000} s` }
    } catch (error) {
      return { value: entry.value, trouble: error instanceof Error ? error.message : String(error) }
    }
  }

  #entryOf(key: string): Entry<T> {
    const entry = this.#entries.get(key) ?? { value: undefined, asking: undefined }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > mostKept && oldest !== undefined) this.#entries.delete(oldest)
    return entry
  }
}
