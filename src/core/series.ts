// The door between who keeps data points of metrics and who shows them: which metrics there are points of, a question for a span of time, and
// its answer. A point of each series is kept every ten seconds. A metric has series of the whole server (`cluster`), and of each job, scope,
// database or sink.

export const pointEveryMs = 10_000

export type SeriesOrigin = 'cluster' | 'job' | 'scope' | 'database' | 'sink'
export type Combination = 'avg' | 'min' | 'max' | 'sum'

export interface SeriesQuery {
  /** With dots: `changefeed.error_retries`, or `changefeed.commit_latency-p99`. */
  readonly name: string
  readonly of: SeriesOrigin
  /** Of which jobs, scopes and so on; undefined: all. */
  readonly ids?: readonly string[] | undefined
  /** In milliseconds since 1970, from this on and before that. */
  readonly fromMs: number
  readonly toMs: number
  /** Rounded up to a multiple of `pointEveryMs`, and to what the most steps of an answer allow. */
  readonly stepMs: number
  /** How the points of a step become one value. */
  readonly downsample: Combination
  /** Per second. `non_negative`: a counter that begins anew counts as standing still. */
  readonly rate: 'none' | 'rate' | 'non_negative'
  /** How the series become one; undefined: each is in the answer. */
  readonly aggregate?: Combination | undefined
}

export interface SeriesAnswer {
  /** The beginning of the first step. */
  readonly fromMs: number
  readonly stepMs: number
  readonly series: readonly {
    /** Undefined: several together. */
    readonly id: string | undefined
    /** For each step; null: there is no value. */
    readonly values: readonly (number | null)[]
  }[]
}

export interface KeptMetric {
  readonly name: string
  readonly kind: 'counter' | 'gauge'
  readonly unit: 'count' | 'bytes' | 'nanoseconds' | 'seconds' | 'timestamp'
  readonly help: string
  /** Whose values are kept; the first is what a graph shows that does not ask. */
  readonly of: readonly SeriesOrigin[]
}

export interface SeriesStore {
  readonly metrics: readonly KeptMetric[]
  /** Rejects when `signal` aborts before it is answered. */
  query(query: SeriesQuery, signal?: AbortSignal): Promise<SeriesAnswer>
}
