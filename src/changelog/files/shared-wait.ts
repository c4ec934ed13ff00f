// The readers of one thread that sleep until a log goes on share one wait for it. When the writer publishes something, a thread
// is woken once, however many feeds it has, and looks which of them have anything to do.

import { onAbort } from '../../async/or-abort.ts'

const longestWaitMs = 60_000

interface Sleeper {
  readonly isDone: () => boolean
  readonly wake: () => void
}

export class SharedWait {
  readonly #word: Int32Array
  readonly #sleepers = new Set<Sleeper>()
  readonly #idle: () => void
  #isArmed = false

  /** Whatever makes a sleeper done adds to the word and notifies it. `idle` is called when nobody waits any more. */
  constructor(word: Int32Array, idle: () => void) {
    this.#word = word
    this.#idle = idle
  }

  get isIdle(): boolean {
    return !this.#isArmed && this.#sleepers.size === 0
  }

  /** Settles when `isDone`, when the signal aborts, or when so much time has passed. */
  async until(isDone: () => boolean, signal: AbortSignal, withinMs?: number): Promise<void> {
    if (signal.aborted || isDone()) return
    const { promise, resolve: wake } = Promise.withResolvers<void>()
    const sleeper = { isDone, wake }
    this.#sleepers.add(sleeper)
    using _leaving = onAbort(signal, wake)
    const timer = withinMs === undefined ? undefined : setTimeout(wake, withinMs)
    // The wait that is pending began before this reader looked, so it ends with whatever happens after that.
    if (!this.#isArmed) this.#arm()
    await promise
    clearTimeout(timer)
    this.#sleepers.delete(sleeper)
  }

  #arm(): void {
    for (;;) {
      // The word is read before the sleepers look: a change in between changes the word, and the wait is refused.
      const seen = Atomics.load(this.#word, 0)
      for (const sleeper of this.#sleepers)
        if (sleeper.isDone()) {
          this.#sleepers.delete(sleeper)
          sleeper.wake()
        }
      if (this.#sleepers.size === 0) return this.#idle()
      const wait = Atomics.waitAsync(this.#word, 0, seen, longestWaitMs)
      if (!wait.async) continue
      this.#isArmed = true
      void wait.value.then(() => {
        this.#isArmed = false
        this.#arm()
      })
      return
    }
  }
}

/** The waits of one log in this thread. */
export interface LogWaits {
  /** For all that is published. */
  readonly any: SharedWait
  /** For blocks with more than closed timestamps. */
  readonly changes: SharedWait
}

/** By the number that a log has in this process: the same shared memory is another object each time a thread gets it. */
const waits = new Map<bigint, LogWaits>()

export function waitsOf(log: bigint, words: { readonly any: Int32Array; readonly changes: Int32Array }): LogWaits {
  const known = waits.get(log)
  if (known !== undefined) return known
  const idle = (): void => {
    if (made.any.isIdle && made.changes.isIdle) waits.delete(log)
  }
  const made = { any: new SharedWait(words.any, idle), changes: new SharedWait(words.changes, idle) }
  waits.set(log, made)
  return made
}
