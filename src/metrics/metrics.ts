// Metrics as tables, and their text in the format of Prometheus (version 0.0.4). docs/reference/metrics.md is generated
// from the tables (`npm run reference`). A table is about one kind of thing, and each metric reads its value from such a
// thing when somebody asks; nothing is kept here.

import { Counter, Gauge, Registry } from 'prom-client'

export interface Metric<Of> {
  readonly kind: 'counter' | 'gauge'
  /** One sentence. */
  readonly help: string
  /** Labels of this metric alone, beside those of all metrics in its table. */
  readonly labels?: readonly string[]
  /** A list of samples has the metric's own labels. */
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
    // Without this a metric that nothing has a value of would be shown as 0.
    metric.remove({})
    for (const { labels: of, of: thing } of measured) {
      const value = read(thing)
      const samples = typeof value === 'number' ? [{ labels: {}, value }] : value
      for (const sample of samples) metric.inc({ ...of, ...sample.labels }, sample.value)
    }
  }
  return registry.metrics()
}
