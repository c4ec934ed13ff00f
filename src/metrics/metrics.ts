// Metrics as tables, and their text in the format of Prometheus (version 0.0.4). docs/reference/metrics.md is generated
// from the tables (`npm run reference`). A table is about one kind of thing, and each metric reads its value from such a
// thing when somebody asks; nothing is kept here.

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

export function metricsText<Of>(table: MetricTable<Of>, measured: readonly Measured<Of>[]): string {
  const metrics = Object.entries(table).map(([name, { kind, help, read }]) => {
    const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`]
    for (const { labels, of } of measured) {
      const value = read(of)
      const samples = typeof value === 'number' ? [{ labels: {}, value }] : value
      for (const sample of samples) lines.push(`${name}${labelsText({ ...labels, ...sample.labels })} ${sample.value}`)
    }
    return lines.join('\n')
  })
  return `${metrics.join('\n\n')}\n`
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}
