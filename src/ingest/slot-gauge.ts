// What is known of the slot of a source: the last reading, its age, and how long the slot lasts. A slot that is read keeps its distance
// to the end of the WAL, however much is written. One that falls behind loses what it may still keep at some rate, and one that nobody
// reads, because the source cannot be reached, at the rate at which WAL is written.

import type { Lsn } from '../core/lsn.ts'
import type { SlotReading } from './ingest.ts'

/** The rates are those of so many readings, about five minutes. */
const keptReadings = 60
/** Less than this says nothing about a rate: PostgreSQL moves the slot by leaps. */
const leastMs = 30_000
/** A loss that is further away is not worth a word: the rate of a few minutes says nothing about it. */
const farSeconds = 3 * 24 * 3600
/** Readings come every five seconds; after this time nobody reads the slot. */
const oldMs = 15_000

export interface SlotNow extends SlotReading {
  /** Since the reading, on our clock. */
  readonly ageMs: number
  /** Seconds until PostgreSQL may invalidate the slot, if things go on as in the last minutes; undefined: that is not to be expected. */
  readonly secondsLeft: number | undefined
}

type Kept = Pick<SlotReading, 'clockMs' | 'safeBytes'> & { readonly walEnd: Lsn }

export class SlotGauge {
  readonly #now: () => number
  #readings: Kept[] = []
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
    const { clockMs, walEnd, safeBytes } = reading
    this.#readings.push({ clockMs, walEnd, safeBytes })
    if (this.#readings.length > keptReadings) this.#readings.shift()
    this.#last = { reading, atMs: this.#now() }
  }

  /** Undefined before the first reading. */
  get now(): SlotNow | undefined {
    if (this.#last === undefined) return undefined
    const { reading, atMs } = this.#last
    const ageMs = this.#now() - atMs
    return { ...reading, ageMs, secondsLeft: this.#secondsLeft(reading, ageMs) }
  }

  #secondsLeft({ safeBytes }: SlotReading, ageMs: number): number | undefined {
    const [first] = this.#readings
    const last = this.#readings.at(-1)
    if (safeBytes === undefined || first === undefined || last === undefined) return undefined
    const seconds = (last.clockMs - first.clockMs) / 1000
    if (seconds * 1000 < leastMs) return undefined
    const isRead = ageMs < oldMs
    const lost = isRead ? (first.safeBytes ?? safeBytes) - safeBytes : Number(last.walEnd - first.walEnd)
    if (lost <= 0) return undefined
    const left = Math.max(0, Math.max(0, safeBytes) / (lost / seconds) - (isRead ? 0 : ageMs / 1000))
    return left > farSeconds ? undefined : left
  }
}
