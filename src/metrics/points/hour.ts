// The points of one hour in memory.

import { slotsPerHour } from './series-key.ts'

/** More series of an hour are not kept. */
export const maxSeries = 20_000

/** Values by the text of their key. */
export type Values = ReadonlyMap<string, number>

export class Hour {
  /** Hours since 1970. */
  readonly number: number
  readonly #series = new Map<string, Float64Array>()
  #isFull = false

  constructor(number: number) {
    this.number = number
  }

  /** By the text of their key; NaN: there is no point. */
  get series(): ReadonlyMap<string, Float64Array> {
    return this.#series
  }

  /** Series were left out. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** Sets the points of one slot. What has no value there keeps the point that it had. */
  set(slot: number, values: Values): void {
    for (const [key, value] of values) {
      const series = this.#series.get(key) ?? this.#begin(key)
      if (series !== undefined) series[slot] = value
    }
  }

  /** Adds the points of another one where this one has none. */
  addMissing(key: string, values: Float64Array): void {
    const series = this.#series.get(key) ?? this.#begin(key)
    if (series === undefined) return
    for (const [slot, value] of values.entries()) if (Number.isNaN(series[slot])) series[slot] = value
  }

  #begin(key: string): Float64Array | undefined {
    if (this.#series.size >= maxSeries) {
      this.#isFull = true
      return undefined
    }
    const series = new Float64Array(slotsPerHour).fill(Number.NaN)
    this.#series.set(key, series)
    return series
  }
}
