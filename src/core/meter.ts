// Numbers that one thread counts and others read: counters, gauges and histograms, in memory that threads share. So nothing is
// sent between threads for a metric, and what a thread has counted is still there when it has died. Counting allocates
// nothing. One thread counts in a meter; a reader may see a histogram whose sum is one observation behind its count.

export interface MeterNames<Counter extends string, Gauge extends string, Histogram extends string> {
  readonly counters: readonly Counter[]
  readonly gauges: readonly Gauge[]
  /** The upper bounds of the buckets of each histogram, in ascending order. Larger values are in a last bucket without a bound. */
  readonly histograms: Readonly<Record<Histogram, readonly number[]>>
}

export interface HistogramValue {
  readonly bounds: readonly number[]
  /** How many values each bucket has; one more than there are bounds. */
  readonly counts: Float64Array
  readonly sum: number
}

interface Place {
  readonly at: number
  readonly bounds: readonly number[]
}

/** Where the numbers of a kind of meter lie: counters, histograms, and gauges at the end. A histogram is its sum and its buckets. */
export class MeterLayout<Counter extends string, Gauge extends string, Histogram extends string> {
  /** Counters and gauges. */
  readonly numbers: ReadonlyMap<Counter | Gauge, number>
  readonly histograms: ReadonlyMap<Histogram, Place>
  /** The number of words before the gauges: all that is still true when the thread counts no more. */
  readonly lasting: number
  readonly words: number

  constructor({ counters, gauges, histograms }: MeterNames<Counter, Gauge, Histogram>) {
    let at = 0
    const numbers = new Map<Counter | Gauge, number>()
    const places = new Map<Histogram, Place>()
    for (const name of counters) numbers.set(name, at++)
    for (const name of Object.keys(histograms) as Histogram[]) {
      const bounds = histograms[name]
      places.set(name, { at, bounds })
      at += bounds.length + 2
    }
    this.lasting = at
    for (const name of gauges) numbers.set(name, at++)
    this.numbers = numbers
    this.histograms = places
    this.words = at
  }

  get bytes(): number {
    return this.words * Float64Array.BYTES_PER_ELEMENT
  }
}

export class Meter<Counter extends string, Gauge extends string, Histogram extends string> {
  readonly #layout: MeterLayout<Counter, Gauge, Histogram>
  readonly #words: Float64Array

  /** Continues in `memory`, if it is given, from the byte `offset` on. */
  constructor(
    layout: MeterLayout<Counter, Gauge, Histogram>,
    memory: ArrayBufferLike = new ArrayBuffer(layout.bytes),
    offset = 0,
  ) {
    this.#layout = layout
    this.#words = new Float64Array(memory, offset, layout.words)
  }

  /** Adds to a counter, or to a gauge. */
  count(name: Counter | Gauge, by = 1): void {
    ;(this.#words[this.#place(name)] as number) += by
  }

  set(name: Gauge, value: number): void {
    this.#words[this.#place(name)] = value
  }

  /** Adds `times` the same value to a histogram. */
  observe(name: Histogram, value: number, times = 1): void {
    const { at, bounds } = this.#histogram(name)
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++
    ;(this.#words[at + 1 + bucket] as number) += times
    ;(this.#words[at] as number) += value * times
  }

  /** Adds many values to a histogram: `counts` says how many are in each bucket. */
  observeAll(name: Histogram, counts: ArrayLike<number>, sum: number): void {
    const { at, bounds } = this.#histogram(name)
    for (let i = 0; i <= bounds.length; i++) (this.#words[at + 1 + i] as number) += counts[i] ?? 0
    ;(this.#words[at] as number) += sum
  }

  value(name: Counter | Gauge): number {
    return this.#words[this.#place(name)] as number
  }

  histogram(name: Histogram): HistogramValue {
    const { at, bounds } = this.#histogram(name)
    return {
      bounds,
      sum: this.#words[at] as number,
      counts: this.#words.slice(at + 1, at + 2 + bounds.length),
    }
  }

  /** Adds what another meter of the same kind has. */
  add(other: Meter<Counter, Gauge, Histogram>): void {
    this.#add(other, this.#layout.words)
  }

  /** Adds what another meter has counted that counts no more: its gauges are not true any more. */
  addEnded(other: Meter<Counter, Gauge, Histogram>): void {
    this.#add(other, this.#layout.lasting)
  }

  #add(other: Meter<Counter, Gauge, Histogram>, words: number): void {
    for (let i = 0; i < words; i++) (this.#words[i] as number) += other.#words[i] as number
  }

  #place(name: Counter | Gauge): number {
    return this.#layout.numbers.get(name) as number
  }

  #histogram(name: Histogram): Place {
    return this.#layout.histograms.get(name) as Place
  }
}

const ms = 1e6
const s = 1000 * ms
const minute = 60 * s

/** Buckets of times in nanoseconds, to ten minutes. */
export const shortTimes: readonly number[] = [
  ...[0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].map((n) => n * ms),
  ...[1, 2, 5, 10, 20].map((n) => n * s),
  ...[1, 2, 5, 10].map((n) => n * minute),
]
/** To an hour. */
export const longTimes: readonly number[] = [...shortTimes, ...[20, 30, 60].map((n) => n * minute)]

/**
 * Returns the value below which the fraction `q` of the values is, interpolated in its bucket; undefined: there is no value. What
 * is above all bounds counts as the last bound.
 */
export function quantile({ bounds, counts }: Pick<HistogramValue, 'bounds' | 'counts'>, q: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total <= 0) return undefined
  const rank = q * total
  let before = 0
  for (const [i, bound] of bounds.entries()) {
    const count = counts[i] as number
    if (count > 0 && before + count >= rank) {
      const from = i === 0 ? 0 : (bounds[i - 1] as number)
      return from + ((bound - from) * (rank - before)) / count
    }
    before += count
  }
  return bounds.at(-1)
}
