// Feeds share a thread by turns: whoever reads on and on lets the others in now and then.

import { setImmediate as nextTurn } from 'node:timers/promises'

/** Longest time in ms that a feed keeps its thread to itself. */
const turnMs = 10

export class Turns {
  #start = performance.now()

  /** It has waited for something, and others had the thread meanwhile. */
  begin(): void {
    this.#start = performance.now()
  }

  /** Lets the thread's other work in when it has waited long enough. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#start < turnMs) return
    await nextTurn()
    this.#start = performance.now()
  }
}
