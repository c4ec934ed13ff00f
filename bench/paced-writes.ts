// Transactions at a steady rate, and when each was acknowledged and seen at the far end, on the clock of this process.
//
// BENCH_TPS transactions a second (1000) for BENCH_SECONDS, after a warm-up of BENCH_WARMUP seconds that is not counted.

import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../test/support/until.ts'

const tickMs = 5
const startWithinMs = 60_000
const endWithinMs = 60_000

export interface Pace {
  readonly perSecond: number
  readonly seconds: number
  readonly warmUpSeconds: number
}

/** As the environment says, otherwise for so long. */
export function paceOf(usual: Pick<Pace, 'seconds' | 'warmUpSeconds'>): Pace {
  return {
    perSecond: Number(process.env['BENCH_TPS'] ?? 1000),
    seconds: Number(process.env['BENCH_SECONDS'] ?? usual.seconds),
    warmUpSeconds: Number(process.env['BENCH_WARMUP'] ?? usual.warmUpSeconds),
  }
}

/** Settles when it is acknowledged. */
export type Write = (id: number) => Promise<void>

export class PacedWrites {
  readonly #pace: Pace
  readonly #total: number
  readonly #arrived: Float64Array
  readonly #acknowledged: Float64Array
  #count = 0

  constructor(pace: Pace) {
    this.#pace = pace
    this.#total = pace.perSecond * (pace.warmUpSeconds + pace.seconds)
    this.#arrived = new Float64Array(this.#total + 1)
    this.#acknowledged = new Float64Array(this.#total + 1)
  }

  /** A row is seen at the far end. Once more is no news. */
  see(id: number): void {
    if (this.#arrived[id] !== 0) return
    this.#arrived[id] = performance.now()
    this.#count += 1
  }

  /** `writers`: each writes one at a time. Throws unless everything arrives. */
  async run(writers: readonly Write[]): Promise<void> {
    const total = this.#total
    const { perSecond } = this.#pace
    // The way to the far end stands when a row has passed it.
    await writers[0]?.(total)
    await until('the first row arrives', startWithinMs, () => (this.#arrived[total] === 0 ? undefined : true))
    const free = [...writers]
    const waiting: number[] = []
    let acknowledged = 0
    let failure: unknown
    const write = async (writer: Write, id: number): Promise<void> => {
      await writer(id)
      this.#acknowledged[id] = performance.now()
      acknowledged += 1
      const next = waiting.shift()
      if (next === undefined) free.push(writer)
      else await write(writer, next)
    }
    const startedAt = performance.now()
    for (let id = 0; id < total; await delay(tickMs)) {
      if (failure !== undefined) throw failure
      const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1000) * perSecond))
      for (; id < due; id++) {
        const writer = free.pop()
        if (writer === undefined) waiting.push(id)
        else write(writer, id).catch((error: unknown) => (failure ??= error))
      }
    }
    await until(`all of ${total} rows arrive`, endWithinMs, () => {
      if (failure !== undefined) throw failure
      return acknowledged === total && this.#count === total + 1 ? true : undefined
    })
  }

  /** Milliseconds from acknowledged to seen: p50, p90, p99, p99.9, the largest. Seen before acknowledged is no latency. */
  percentiles(): number[] {
    const sorted = Array.from({ length: this.#total }, (_, id) =>
      Math.max(0, (this.#arrived[id] as number) - (this.#acknowledged[id] as number)),
    )
      .slice(this.#pace.perSecond * this.#pace.warmUpSeconds)
      .sort((a, b) => a - b)
    return [0.5, 0.9, 0.99, 0.999, 1].map(
      (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] as number,
    )
  }
}
