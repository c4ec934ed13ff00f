// For errors: when the rows of large messages were committed. Where rows are large, every message is, and most have the time of the one
// before them, so an entry is for a run of messages. It keeps its memory when it is cleared, because that happens for each batch.

import { grown } from '../bytes/grow.ts'

/** What it holds, as it is on its way to another thread. */
export interface LargeTimesMemory {
  readonly firsts: Uint32Array
  readonly lasts: Uint32Array
  readonly times: readonly string[]
}

export class LargeTimes {
  /** The number of runs. */
  size = 0
  #firsts = new Uint32Array(8)
  #lasts = new Uint32Array(8)
  readonly #times: string[] = []

  /** `time`: `mvcc_timestamp` of the row. Messages are noted in the order of their indexes. */
  set(message: number, time: string): void {
    const run = this.size - 1
    if (run >= 0 && this.#lasts[run] === message - 1 && this.#times[run] === time) {
      this.#lasts[run] = message
      return
    }
    if (this.size === this.#firsts.length) this.#grow()
    this.#firsts[this.size] = message
    this.#lasts[this.size] = message
    this.#times[this.size] = time
    this.size += 1
  }

  /** Returns undefined if the message is not large. */
  get(message: number): string | undefined {
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#lasts[middle] as number) < message) low = middle + 1
      else high = middle
    }
    return low < this.size && (this.#firsts[low] as number) <= message ? this.#times[low] : undefined
  }

  clear(): void {
    this.size = 0
  }

  give(): LargeTimesMemory {
    const { size } = this
    return {
      firsts: this.#firsts.slice(0, size),
      lasts: this.#lasts.slice(0, size),
      times: this.#times.slice(0, size),
    }
  }

  /** Takes what another one has given. */
  take({ firsts, lasts, times }: LargeTimesMemory): void {
    this.size = times.length
    while (this.#firsts.length < this.size) this.#grow()
    this.#firsts.set(firsts)
    this.#lasts.set(lasts)
    for (let run = 0; run < this.size; run++) this.#times[run] = times[run] as string
  }

  #grow(): void {
    this.#firsts = grown(this.#firsts)
    this.#lasts = grown(this.#lasts)
  }
}
