// Many feeds share one thread. A loop that may run for long yields the thread to the other feeds now and then.

import { setImmediate as nextIteration } from 'node:timers/promises'

/** Longest time in ms that a feed keeps its thread to itself. */
const longestMs = 10

export class ThreadShare {
  #start = performance.now()

  /** Called after a wait, during which other feeds had the thread. */
  restart(): void {
    this.#start = performance.now()
  }

  /** Yields to the other work of the thread when this feed has used it for long enough. */
  async yieldIfDue(): Promise<void> {
    if (performance.now() - this.#start < longestMs) return
    await nextIteration()
    this.#start = performance.now()
  }
}
