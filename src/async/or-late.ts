// Waits that have an end: what does not come in time is not waited for any longer, and no timer stays behind.

import { setTimeout as delay } from 'node:timers/promises'

export const late = Symbol('late')

/** Settles as `work` does, or with `late` when it takes longer than `withinMs`; `work` itself goes on. */
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
