// The door between who keeps data points of metrics and who shows them: a question for a span of time, and its answer. One point
// of each series is kept every ten seconds; a store answers from these.

/** How often a point is kept. */
export const pointEveryMs = 10_000

export interface SeriesQuery {
  /** Names of metrics, as `/_status/vars` writes them (`changefeed_error_retries`). A name that is not kept has no series. */
  readonly names: readonly string[]
  /** A `metrics_label`; undefined: the totals. */
  readonly scope?: string | undefined
  /** The first step begins here, in milliseconds since 1970. */
  readonly fromMs: number
  /** The last step ends here at the latest. */
  readonly toMs: number
  /** A multiple of `pointEveryMs`: each value stands for the points of a step. */
  readonly stepMs: number
  /** What becomes of the points of a step. */
  readonly downsample: Downsample
}

export type Downsample = 'avg' | 'min' | 'max' | 'sum'

export interface Series {
  readonly name: string
  /** What tells it from others of its name, such as database or quantile. */
  readonly labels: Readonly<Record<string, string>>
  /** One value for each step, the first at `fromMs`; null: no point was kept. */
  readonly values: readonly (number | null)[]
}

/** A metric of which points are kept. */
export interface KeptMetric {
  readonly name: string
  readonly kind: 'counter' | 'gauge'
  readonly help: string
}

export interface SeriesStore {
  readonly metrics: readonly KeptMetric[]
  query(query: SeriesQuery): Promise<readonly Series[]>
}
