// Decides when a resolved message is due. Intervals are measured in resolved timestamps, not on a clock: a feed that is
// behind emits as many resolved messages as one that is up to date.

import { compareHlc, type Hlc } from '../core/hlc.ts'

export class ResolvedSchedule {
  readonly #intervalNanos: bigint | undefined
  readonly #minCheckpointMs: number
  #last: Hlc | undefined
  #lastAtMs = Number.NEGATIVE_INFINITY

  /**
   * `intervalMs`: 0 means at each advance of the frontier, undefined that there are no resolved messages. `minCheckpointMs`:
   * the least time between two checkpoints, and so between two resolved messages, by the clock.
   */
  constructor(intervalMs: number | undefined, minCheckpointMs: number) {
    this.#intervalNanos = intervalMs === undefined ? undefined : BigInt(Math.round(intervalMs * 1e6))
    this.#minCheckpointMs = minCheckpointMs
  }

  get wanted(): boolean {
    return this.#intervalNanos !== undefined
  }

  isDue(frontier: Hlc, nowMs: number): boolean {
    if (this.#intervalNanos === undefined) return false
    if (this.#last === undefined) return true
    if (compareHlc(frontier, this.#last) <= 0) return false
    if (nowMs - this.#lastAtMs < this.#minCheckpointMs) return false
    return frontier.wall - this.#last.wall >= this.#intervalNanos
  }

  /** Whether `at` was not emitted yet: the last timestamp of a feed is emitted whatever the interval says. */
  isNew(at: Hlc): boolean {
    return this.wanted && (this.#last === undefined || compareHlc(at, this.#last) > 0)
  }

  emitted(at: Hlc, nowMs: number): void {
    this.#last = at
    this.#lastAtMs = nowMs
  }
}
