// How a test waits: it asks again and again until a deadline, and says what it waited for when that passes.

import { setTimeout as delay } from 'node:timers/promises'
import { settlesWithin } from './deadline.ts'
import { howPatient, patience } from './patience.ts'

const standsWithinMs = 30_000

/**
 * Asks again and again until there is an answer; fails loudly when the deadline passes, which is later on a machine that is
 * slow or busy (patience.ts). A question that was asked before the deadline may be answered after it, but not later than
 * `lateMs`.
 */
export async function until<T>(
  what: string,
  withinMs: number,
  ask: () => T | undefined | Promise<T | undefined>,
  lateMs = 30_000,
): Promise<T> {
  const startedAt = Date.now()
  for (;;) {
    const asked = ask()
    const answer =
      asked instanceof Promise
        ? await settlesWithin(
            Math.max(startedAt + withinMs - Date.now(), 0) + lateMs,
            `an answer to whether ${what}`,
            asked,
          )
        : asked
    if (answer !== undefined) return answer
    if (Date.now() > startedAt + withinMs) {
      const times = patience()
      if (Date.now() > startedAt + withinMs * times)
        throw new Error(`not within ${withinMs} ms: ${what}${howPatient(times)}`)
    }
    await delay(10)
  }
}

/** Waits until `holds` says true. */
export async function within(ms: number, what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  await until(what, ms, async () => ((await holds()) ? true : undefined))
}

/** Waits until a number, above zero, has not changed for so long: that nothing moves any more shows only by some time. */
export async function standsStill(read: () => number | Promise<number>, quietMs = 500): Promise<number> {
  for (const deadline = Date.now() + standsWithinMs * patience(); Date.now() < deadline;) {
    const before = await read()
    await delay(quietMs)
    if (before > 0 && (await read()) === before) return before
  }
  throw new Error(`it does not stand still within ${standsWithinMs} ms`)
}
