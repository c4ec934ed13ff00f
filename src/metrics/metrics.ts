// Metrics as tables, and their text in the format of Prometheus (version 0.0.4). docs/reference/metrics.md is generated
// from the tables (`npm run reference`). All metrics of a table read their values from objects of the same type, when the page
// is requested; no value is kept here.

import { Counter, Gauge, Registry } from 'prom-client'

export interface Metric<Of> {
  readonly kind: 'counter' | 'gauge'
  /** The description of the metric, in one sentence. */
  readonly help: string
  /** Labels that this metric has in addition to those of its table. */
  readonly labels?: readonly string[]
  /** Returns the value, or a list of samples if the metric has labels of its own. */
  readonly read: (of: Of) => number | readonly Sample[]
}

export type MetricTable<Of> = Readonly<Record<string, Metric<Of>>>

type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
}

export interface Measured<Of> {
  readonly labels: Labels
  readonly of: Of
}

export async function metricsText<Of>(table: MetricTable<Of>, measured: readonly Measured<Of>[]): Promise<string> {
  const registry = new Registry()
  const outer = new Set(measured.flatMap(({ labels }) => Object.keys(labels)))
  for (const [name, { kind, help, labels = [], read }] of Object.entries(table)) {
    const options = { name, help, labelNames: [...outer, ...labels], registers: [registry] }
    const metric = kind === 'counter' ? new Counter(options) : new Gauge(options)
    // Otherwise a metric without any value would be shown as 0.
    metric.remove({})
    for (const { labels: of, of: thing } of measured) {
      const value = read(thing)
      const samples = typeof value === 'number' ? [{ labels: {}, value }] : value
      for (const sample of samples) metric.inc({ ...of, ...sample.labels }, sample.value)
    }
  }
  return registry.metrics()
}
