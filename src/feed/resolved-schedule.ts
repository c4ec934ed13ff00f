// Decides when a resolved message is due. Intervals are measured in resolved timestamps, not on a clock: a feed that is
// behind emits as many resolved messages as one that is up to date.

import { compareHlc, type Hlc } from '../core/hlc.ts'

export interface ResolvedOptions {
  /** Undefined: no resolved messages. 0: at each advance of the frontier. */
  readonly intervalMs: number | undefined
  /** Checkpoints, and with them resolved messages, come no faster than this by the clock. */
  readonly minCheckpointMs: number
}

export class ResolvedSchedule {
  readonly #intervalNanos: bigint | undefined
  readonly #minCheckpointMs: number
  #last: Hlc | undefined
  #lastAtMs = Number.NEGATIVE_INFINITY

  constructor(options: ResolvedOptions) {
    this.#intervalNanos = options.intervalMs === undefined ? undefined : BigInt(Math.round(options.intervalMs * 1e6))
    this.#minCheckpointMs = options.minCheckpointMs
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
