// Metrics as tables, and their text in the format of Prometheus (version 0.0.4). docs/reference/metrics.md is generated
// from the tables (`npm run reference`). All metrics of a table read their values from objects of the same type, when the page
// is requested or a point of the console's graphs is kept; no value is kept here.

import type { HistogramValue } from '../core/meter.ts'

export type MetricKind = 'counter' | 'gauge' | 'histogram'

/** `timestamp`: nanoseconds since 1970. */
export type MetricUnit = 'count' | 'bytes' | 'nanoseconds' | 'seconds' | 'timestamp'

export const visibilities = ['all', 'support', 'essential'] as const
/** Which metrics a page shows: all, those that help to find what is wrong, or those that everybody watches. */
export type Visibility = (typeof visibilities)[number]

export interface Metric<Of> {
  readonly kind: MetricKind
  readonly unit: MetricUnit
  /** The description of the metric, in one sentence. */
  readonly help: string
  /** The narrowest page that shows it; undefined: only the page of all. */
  readonly shown?: 'support' | 'essential'
  /** Labels that this metric has in addition to those of its table. */
  readonly labels?: readonly string[]
  /** Returns the value, or a list of samples if the metric has labels of its own. */
  readonly read: (of: Of) => number | HistogramValue | readonly Sample[]
}

/** By name, with dots: `changefeed.emitted_messages` is `changefeed_emitted_messages` for Prometheus. */
export type MetricTable<Of> = Readonly<Record<string, Metric<Of>>>

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
}

export interface Measured<Of> {
  readonly labels: Labels
  readonly of: Of
}

export function prometheusName(name: string): string {
  return name.replaceAll('.', '_')
}

export function isShown({ shown }: Pick<Metric<never>, 'shown'>, visibility: Visibility): boolean {
  return visibility === 'all' || shown === 'essential' || shown === visibility
}

/** A metric without any sample is not in the text, except for its help. */
export function metricsText<Of>(table: MetricTable<Of>, measured: readonly Measured<Of>[]): string {
  return [...metricTexts(table, measured, 'all')].join('\n')
}

/** The text of each metric, because that of a metric with a thousand scopes takes a while. */
export function* metricTexts<Of>(
  table: MetricTable<Of>,
  measured: readonly Measured<Of>[],
  visibility: Visibility,
): Generator<string> {
  for (const [dotted, metric] of Object.entries(table)) {
    if (!isShown(metric, visibility)) continue
    const lines: string[] = []
    const name = prometheusName(dotted)
    lines.push(`# HELP ${name} ${metric.help.replaceAll('\\', '\\\\')}`, `# TYPE ${name} ${metric.kind}`)
    for (const { labels, of } of measured) {
      const value = metric.read(of)
      if (typeof value === 'number') lines.push(sampleLine(name, labels, value))
      else if ('counts' in value) {
        // The buckets of the many scopes in which nothing has happened yet would make most of the page. Their sums are there, because what
        // begins with 1 has not grown for Prometheus.
        const isEmpty = 'scope' in labels && value.counts.every((count) => count === 0)
        if (isEmpty) lines.push(...totalLines(name, labels, { sum: 0, count: 0 }))
        else lines.push(...histogramLines(name, labels, value))
      } else for (const sample of value) lines.push(sampleLine(name, { ...labels, ...sample.labels }, sample.value))
    }
    lines.push('')
    yield lines.join('\n')
  }
}

function histogramLines(name: string, labels: Labels, { bounds, counts, sum }: HistogramValue): string[] {
  const lines: string[] = []
  let below = 0
  for (const [i, count] of counts.entries()) {
    below += count
    lines.push(sampleLine(`${name}_bucket`, { ...labels, le: i < bounds.length ? String(bounds[i]) : '+Inf' }, below))
  }
  return [...lines, ...totalLines(name, labels, { sum, count: below })]
}

function totalLines(name: string, labels: Labels, of: { readonly sum: number; readonly count: number }): string[] {
  return [sampleLine(`${name}_sum`, labels, of.sum), sampleLine(`${name}_count`, labels, of.count)]
}

function sampleLine(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
