// What is known of the slot of a source: the last reading, its age, and how long the slot lasts at the rate of WAL of the
// last minutes.

import type { Lsn } from '../core/lsn.ts'
import type { SlotReading } from './ingest.ts'

/** The rate is that of so many readings, about five minutes. */
const keptReadings = 60
/** Less than this says nothing about a rate. */
const leastMs = 4000

export interface SlotNow extends SlotReading {
  /** Since the reading, on our clock. */
  readonly ageMs: number
  /** Seconds until PostgreSQL may invalidate the slot, if WAL is written as in the last minutes; undefined: nothing limits it. */
  readonly secondsLeft: number | undefined
}

export class SlotGauge {
  readonly #now: () => number
  #readings: { readonly clockMs: number; readonly walEnd: Lsn }[] = []
  #last: { readonly reading: SlotReading; readonly atMs: number } | undefined

  /** `now`: milliseconds of a clock of ours. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  hear(reading: SlotReading): void {
    const previous = this.#readings.at(-1)
    // Another server, or a clock that was set back.
    if (previous !== undefined && (reading.walEnd < previous.walEnd || reading.clockMs < previous.clockMs))
      this.#readings = []
    this.#readings.push({ clockMs: reading.clockMs, walEnd: reading.walEnd })
    if (this.#readings.length > keptReadings) this.#readings.shift()
    this.#last = { reading, atMs: this.#now() }
  }

  /** Undefined before the first reading. */
  get now(): SlotNow | undefined {
    if (this.#last === undefined) return undefined
    const { reading, atMs } = this.#last
    return { ...reading, ageMs: this.#now() - atMs, secondsLeft: this.#secondsLeft(reading) }
  }

  #secondsLeft({ safeBytes }: SlotReading): number | undefined {
    const rate = this.#bytesPerSecond()
    if (safeBytes === undefined || rate === 0) return undefined
    return Math.max(0, safeBytes) / rate
  }

  #bytesPerSecond(): number {
    const [first] = this.#readings
    const last = this.#readings.at(-1)
    if (first === undefined || last === undefined || last.clockMs - first.clockMs < leastMs) return 0
    return (Number(last.walEnd - first.walEnd) * 1000) / (last.clockMs - first.clockMs)
  }
}
