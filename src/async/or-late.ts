// Waits with a time limit, which leave no timer running.

import { setTimeout as delay } from 'node:timers/promises'

export const late = Symbol('late')

/** Settles as `work` does, or returns `late` when it takes longer than `withinMs`. `work` itself is not stopped. */
export async function orLate<T>(work: Promise<T>, withinMs: number): Promise<T | typeof late> {
  const over = new AbortController()
  const timer = delay(withinMs, late, { signal: over.signal })
  timer.catch(() => undefined)
  try {
    return await Promise.race([work, timer])
  } finally {
    over.abort()
  }
}
