// What the custom charts of the page are, as JSON in its address.

import type { Combination, Line } from './line.ts'

export interface ChartDefinition {
  readonly units: 'count' | 'bytes' | 'duration'
  readonly metrics: readonly MetricDefinition[]
}

export interface MetricDefinition {
  /** With dots. */
  readonly metric: string
  readonly downsampler: Combination
  readonly aggregator: Combination
  readonly rate: 'none' | 'rate' | 'non_negative'
  readonly source: string
  readonly perNode: boolean
}

export const newMetric: MetricDefinition = {
  metric: '',
  downsampler: 'avg',
  aggregator: 'sum',
  rate: 'none',
  source: 'cluster',
  perNode: false,
}
export const newChart: ChartDefinition = { units: 'count', metrics: [newMetric] }

const mostCharts = 20
const mostMetrics = 10

/** What is not a definition is left out, because anybody can write an address. */
export function readCharts(text: string | null): readonly ChartDefinition[] {
  if (text === null) return []
  try {
    const charts: unknown = JSON.parse(text)
    return Array.isArray(charts) ? charts.slice(0, mostCharts).map(readChart) : []
  } catch {
    return []
  }
}

function readChart(value: unknown): ChartDefinition {
  const { units, metrics } = membersOf(value)
  return {
    units: oneOf(units, ['count', 'bytes', 'duration']),
    metrics: Array.isArray(metrics) ? metrics.slice(0, mostMetrics).map(readMetric) : [],
  }
}

function readMetric(value: unknown): MetricDefinition {
  const { metric, downsampler, aggregator, rate, source, perNode } = membersOf(value)
  return {
    metric: typeof metric === 'string' ? metric : '',
    downsampler: oneOf(downsampler, ['avg', 'min', 'max', 'sum']),
    aggregator: oneOf(aggregator, ['sum', 'avg', 'min', 'max']),
    rate: oneOf(rate, ['none', 'rate', 'non_negative']),
    source: typeof source === 'string' ? source : 'cluster',
    perNode: perNode === true,
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function oneOf<const Word extends string>(value: unknown, words: readonly [Word, ...Word[]]): Word {
  return words.find((word) => word === value) ?? words[0]
}

/** `unit` is that of the values that are kept. */
export function lineOf(
  { metric, downsampler, aggregator, rate, source, perNode }: MetricDefinition,
  { units, unit }: { readonly units: ChartDefinition['units']; readonly unit: string | undefined },
): Line {
  return {
    label: perNode || source === 'node' ? `${metric} (n1)` : metric,
    metric,
    downsample: downsampler,
    // Of jobs, databases and so on each is a line of its own.
    aggregate: source === 'cluster' || source === 'node' ? aggregator : null,
    rate,
    of: source === 'node' ? 'cluster' : source,
    ...(units === 'duration' && unit === 'seconds' ? { scale: 1e9 } : {}),
  }
}
