// Which points are kept for the graphs of the console, and what they are called: one for each number, and five for each histogram.

import type { KeptMetric, SeriesOrigin } from '../core/series.ts'
import { quantile, type HistogramValue } from '../core/meter.ts'
import { changefeedMetrics } from './changefeed-metrics.ts'
import { jobMetrics, type MeasuredJob } from './job-metrics.ts'
import type { Labels, Metric, MetricTable, MetricUnit } from './metrics.ts'
import { keyText } from './points/series-key.ts'
import { serverProcessMetrics } from './server-metrics.ts'
import { sinkMetrics } from './sink-metrics.ts'
import { sourceMetrics } from './source-metrics.ts'

/** Of the values since the point before; absent if there are none. */
const quantiles = { p50: 0.5, p90: 0.9, p99: 0.99 } as const

/** Metrics of which there are points for each job. */
const ofEachJob: readonly string[] = [
  'changefeed.emitted_messages',
  'changefeed.emitted_bytes',
  'changefeed.sink_errors',
]
/** Metrics whose values say nothing without all their labels, or do not change. */
const notStored: ReadonlySet<string> = new Set([
  'changefeed.table_lag',
  'changefeed.source.slot_wal_status',
  'security.certificate.expiration.node',
  'security.certificate.expiration.client_ca',
])

export const storedMetrics: readonly KeptMetric[] = [
  ...stored(changefeedMetrics, (name) => ['cluster', 'scope', ...(ofEachJob.includes(name) ? ['job' as const] : [])]),
  ...stored(jobMetrics, (name) => [name === 'changefeed.checkpoint_lag' ? 'job' : 'cluster']),
  ...stored(sourceMetrics, () => ['database']),
  ...stored(sinkMetrics, () => ['sink']),
  ...stored(serverProcessMetrics, () => ['cluster']),
]

function stored<Of>(table: MetricTable<Of>, of: (name: string) => readonly SeriesOrigin[]): KeptMetric[] {
  return Object.entries(table).flatMap(([name, metric]) => {
    const { kind, unit, help } = metric
    if (notStored.has(name)) return []
    if (kind !== 'histogram') return [{ name, help, unit, kind, of: of(name) }]
    return [
      ...Object.entries(quantiles).map(([suffix, q]) => ({
        name: `${name}-${suffix}`,
        help: `${help} ${q * 100} % of the values of the last ten seconds are below it.`,
        unit,
        kind: 'gauge' as const,
        of: of(name),
      })),
      { name: `${name}-count`, help: `${help} How many there were.`, unit: 'count', kind: 'counter', of: of(name) },
      { name: `${name}-sum`, help: `${help} Their sum.`, unit, kind: 'counter', of: of(name) },
    ]
  })
}

/** Whose the values of a table are, by its labels. */
export function originOf(labels: Labels): readonly [of: SeriesOrigin, id: string] {
  const { scope, database, sink } = labels
  if (scope !== undefined) return ['scope', scope]
  if (database !== undefined) return ['database', database]
  return sink === undefined ? ['cluster', ''] : ['sink', sink]
}

/** Makes points of what is measured every ten seconds. Remembers the histograms of the time before. */
export class PointMaker {
  #before = new Map<string, Float64Array>()
  #histograms = new Map<string, Float64Array>()
  #values = new Map<string, number>()

  add<Of>(table: MetricTable<Of>, labels: Labels, measured: Of): void {
    const [of, id] = originOf(labels)
    for (const [name, metric] of Object.entries(table)) {
      if (notStored.has(name) || name === 'changefeed.checkpoint_lag') continue
      const value = metric.read(measured)
      if (typeof value === 'number') this.#put(name, metric, { of, id }, value)
      else if ('counts' in value) this.#histogram(name, metric, { of, id }, value)
      else if (value.length > 0)
        this.#put(
          name,
          metric,
          { of, id },
          value.reduce((sum, sample) => sum + sample.value, 0),
        )
    }
  }

  addJob({ id, lag, meter }: MeasuredJob): void {
    const job = { of: 'job', id } as const
    this.#values.set(keyText({ name: 'changefeed.checkpoint_lag', ...job }), rounded(lag, 'nanoseconds'))
    if (meter === undefined) return
    const messages = meter.value('messages') + meter.value('resolvedMessages')
    const values = [messages, meter.value('bytes'), meter.value('sinkErrors')]
    for (const [i, name] of ofEachJob.entries()) this.#values.set(keyText({ name, ...job }), values[i] as number)
  }

  /** Returns what was added since the last call. */
  take(): ReadonlyMap<string, number> {
    const values = this.#values
    this.#values = new Map()
    this.#before = this.#histograms
    this.#histograms = new Map()
    return values
  }

  #put(name: string, { unit }: UnitOf, whose: Whose, value: number): void {
    this.#values.set(keyText({ name, ...whose }), rounded(value, unit))
  }

  #histogram(name: string, unit: UnitOf, whose: Whose, { bounds, counts, sum }: HistogramValue): void {
    const key = keyText({ name, ...whose })
    const before = this.#before.get(key)
    this.#histograms.set(key, counts)
    // The many scopes in which nothing happens would have most of the points.
    if (whose.of === 'scope' && counts.every((count) => count === 0)) return
    this.#put(`${name}-sum`, unit, whose, sum)
    this.#put(
      `${name}-count`,
      { unit: 'count' },
      whose,
      counts.reduce((total, count) => total + count, 0),
    )
    if (before === undefined) return
    const isAnew = counts.some((count, i) => count < (before[i] as number))
    const fresh = isAnew ? counts : counts.map((count, i) => count - (before[i] as number))
    for (const [suffix, q] of Object.entries(quantiles)) {
      const value = quantile({ bounds, counts: fresh }, q)
      if (value !== undefined) this.#put(`${name}-${suffix}`, unit, whose, value)
    }
  }
}

type UnitOf = Pick<Metric<never>, 'unit'>

interface Whose {
  readonly of: SeriesOrigin
  readonly id: string
}

/** To what a graph can show, so that it takes little room: milliseconds from ten of them on. */
function rounded(value: number, unit: MetricUnit): number {
  if (unit !== 'nanoseconds' && unit !== 'timestamp') return Math.round(value * 1000) / 1000
  const to = value >= 1e7 ? 1e6 : 1e3
  return Math.round(value / to) * to
}
