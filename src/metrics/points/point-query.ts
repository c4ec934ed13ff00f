// A question about points that are kept, and how it is answered: the points of each series are brought to one value for each step, then
// they become rates, and then the series become one.

import type { Combination, SeriesAnswer, SeriesQuery } from '../../core/series.ts'
import { slotMs, type SeriesKey } from './series-key.ts'

export const maxSteps = 2000
/** So many values are held for a question; further series are left out. */
const maxValues = 4_000_000

/** What is known of a step of one series. */
class Steps {
  readonly #how: Combination
  readonly #values: Float64Array
  readonly #counts: Uint16Array | undefined

  constructor(how: Combination, steps: number) {
    this.#how = how
    this.#values = new Float64Array(steps).fill(Number.NaN)
    this.#counts = how === 'avg' ? new Uint16Array(steps) : undefined
  }

  add(step: number, value: number): void {
    const had = this.#values[step] as number
    if (this.#counts !== undefined) this.#counts[step] = (this.#counts[step] as number) + 1
    this.#values[step] = Number.isNaN(had) ? value : combined(this.#how, had, value)
  }

  values(): Float64Array {
    const counts = this.#counts
    return counts === undefined ? this.#values : this.#values.map((sum, i) => sum / (counts[i] as number))
  }
}

export class Answer {
  readonly #query: SeriesQuery
  readonly #ids: ReadonlySet<string> | undefined
  readonly #series = new Map<string, Steps>()
  readonly stepMs: number
  /** The first point that is needed: a rate needs the step before. */
  readonly firstMs: number
  readonly #steps: number

  constructor(query: SeriesQuery) {
    this.#query = query
    this.#ids = query.ids === undefined ? undefined : new Set(query.ids)
    const span = Math.max(slotMs, query.toMs - query.fromMs)
    const slots = Math.ceil(Math.max(query.stepMs, span / (maxSteps - 2), slotMs) / slotMs)
    this.stepMs = slots * slotMs
    const first = Math.floor(query.fromMs / this.stepMs) * this.stepMs
    this.firstMs = query.rate === 'none' ? first : first - this.stepMs
    this.#steps = Math.max(1, Math.ceil((query.toMs - this.firstMs) / this.stepMs))
  }

  takes({ name, of, id }: SeriesKey): boolean {
    return name === this.#query.name && of === this.#query.of && (this.#ids?.has(id) ?? true)
  }

  /** The points of one series, the first of which is of the time `atMs`. */
  add(id: string, values: Float64Array, atMs: number): void {
    let steps = this.#series.get(id)
    if (steps === undefined) {
      if ((this.#series.size + 1) * this.#steps > maxValues) return
      this.#series.set(id, (steps = new Steps(this.#query.downsample, this.#steps)))
    }
    for (const [slot, value] of values.entries()) {
      if (Number.isNaN(value)) continue
      const ms = atMs + slot * slotMs
      if (ms < this.firstMs || ms >= this.#query.toMs) continue
      steps.add(Math.floor((ms - this.firstMs) / this.stepMs), value)
    }
  }

  get result(): SeriesAnswer {
    const { rate, aggregate } = this.#query
    const skipped = rate === 'none' ? 0 : 1
    const all = [...this.#series].map(([id, steps]) => {
      const values = steps.values()
      return [id, rate === 'none' ? values : perSecond(values, this.stepMs, rate)] as const
    })
    const found = (values: Float64Array): (number | null)[] =>
      Array.from(values.subarray(skipped), (value) => (Number.isNaN(value) ? null : value))
    const series =
      aggregate === undefined
        ? all.map(([id, values]) => ({ id, values: found(values) }))
        : [
            {
              id: undefined,
              values: found(
                this.#together(
                  all.map(([, values]) => values),
                  aggregate,
                ),
              ),
            },
          ]
    return { fromMs: this.firstMs + skipped * this.stepMs, stepMs: this.stepMs, series }
  }

  #together(all: readonly Float64Array[], how: Combination): Float64Array {
    const steps = new Steps(how, this.#steps)
    for (const values of all)
      for (const [step, value] of values.entries()) if (!Number.isNaN(value)) steps.add(step, value)
    return steps.values()
  }
}

/** The difference of each value from the one before it, per second; over a hole, the mean of the time. */
function perSecond(values: Float64Array, stepMs: number, rate: 'rate' | 'non_negative'): Float64Array {
  const result = new Float64Array(values.length).fill(Number.NaN)
  let before: number | undefined
  for (const [step, value] of values.entries()) {
    if (Number.isNaN(value)) continue
    if (before !== undefined) {
      const difference = value - (values[before] as number)
      const perStep = difference / (((step - before) * stepMs) / 1000)
      result[step] = rate === 'non_negative' ? Math.max(0, perStep) : perStep
    }
    before = step
  }
  return result
}

function combined(how: Combination, a: number, b: number): number {
  if (how === 'min') return Math.min(a, b)
  if (how === 'max') return Math.max(a, b)
  return a + b
}
