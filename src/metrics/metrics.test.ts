import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedMeter, feedMeterNames } from '../core/feed-meter.ts'
import { logMeter } from '../core/log-meter.ts'
import { changefeedMetrics, type MeasuredChangefeeds } from './changefeed-metrics.ts'
import { jobMetrics } from './job-metrics.ts'
import { metricsText, metricTexts, type MetricTable } from './metrics.ts'
import { serverProcessMetrics } from './server-metrics.ts'
import { sinkMetrics } from './sink-metrics.ts'
import { sourceMetrics } from './source-metrics.ts'

const tables = [changefeedMetrics, jobMetrics, sourceMetrics, sinkMetrics, serverProcessMetrics]

test('a metric without labels, with labels, with labels of its own and without samples, as Prometheus reads it', () => {
  const table: MetricTable<number> = {
    'all.things': { kind: 'gauge', unit: 'count', help: 'Things.', read: (of) => of },
    parts: {
      kind: 'counter',
      unit: 'count',
      help: 'Parts of things.',
      labels: ['part'],
      read: (of) => (of === 0 ? [] : [{ labels: { part: 'a "b" \\\n' }, value: of }]),
    },
  }
  const text = metricsText(table, [
    { labels: {}, of: 0 },
    { labels: { database: 'd' }, of: 1.5 },
  ])
  assert.equal(
    text,
    String.raw`# HELP all_things Things.
# TYPE all_things gauge
all_things 0
all_things{database="d"} 1.5

# HELP parts Parts of things.
# TYPE parts counter
parts{database="d",part="a \"b\" \\\n"} 1.5
`,
  )
})

test('the buckets of a histogram count everything below their bound, and the last one everything', () => {
  const table: MetricTable<null> = {
    h: {
      kind: 'histogram',
      unit: 'count',
      help: 'H.',
      read: () => ({ bounds: [1, 10], counts: Float64Array.of(2, 0, 1), sum: 52 }),
    },
  }
  assert.equal(
    metricsText(table, [{ labels: { scope: 'a' }, of: null }]),
    `# HELP h H.
# TYPE h histogram
h_bucket{scope="a",le="1"} 2
h_bucket{scope="a",le="10"} 2
h_bucket{scope="a",le="+Inf"} 3
h_sum{scope="a"} 52
h_count{scope="a"} 3
`,
  )
})

test('a histogram of a scope in which nothing has happened has its sums at 0, and no buckets', () => {
  const table: MetricTable<null> = {
    h: {
      kind: 'histogram',
      unit: 'count',
      help: 'H.',
      read: () => ({ bounds: [1, 10], counts: Float64Array.of(0, 0, 0), sum: 0 }),
    },
  }
  assert.match(
    metricsText(table, [{ labels: { scope: 'a' }, of: null }]),
    /histogram\nh_sum\{scope="a"\} 0\nh_count\{scope="a"\} 0\n$/,
  )
  assert.match(metricsText(table, [{ labels: {}, of: null }]), /h_bucket\{le="1"\} 0/)
})

test('what everybody watches is on every page, and what only experts need on the page of all', () => {
  const shown = (visibility: 'all' | 'support' | 'essential'): number =>
    tables.reduce((sum, table) => sum + [...metricTexts(table as MetricTable<never>, [], visibility)].length, 0)
  assert.ok(shown('essential') > 10)
  assert.ok(shown('support') > shown('essential'))
  assert.ok(shown('all') > shown('support'))
})

test('every metric has a name of its own, and help of one line', () => {
  const all = tables.flatMap((table) => Object.entries(table))
  assert.equal(new Set(all.map(([name]) => name.replaceAll('.', '_'))).size, all.length)
  for (const [name, { help }] of all) {
    assert.match(name, /^(?:changefeed|jobs\.changefeed|sys|security\.certificate)\.[a-z_.]+$/)
    assert.match(help, /^[A-Z0-9][^\\\n]*\.$/)
  }
})

const changefeeds = (): MeasuredChangefeeds => ({
  meter: feedMeter(),
  running: 1,
  scanning: 1,
  pendingRanges: 3,
  tables: 1,
  laggingTables: 0,
  frontier: 1n,
  checkpoint: 1n,
  now: 2n,
})

test('a metric has exactly the labels that its table says', () => {
  const status = {
    head: 2,
    tail: 1,
    bytes: 1n,
    rows: 1n,
    transactions: 1n,
    resolvedWall: 1n,
    endLsn: 1n,
    sourceLsn: 2n,
  }
  const trouble = { failures: 1, now: { error: { code: 'FEED_SINK', sqlstate: '58000' } } }
  const slot = { walStatus: 'reserved', retainedBytes: 1, safeBytes: 2, clockMs: 3, ageMs: 4, secondsLeft: 5 }
  const log = { status, meter: logMeter(), startedMs: () => 1 }
  const source = { log, ingest: { state: { tag: 'streaming' }, trouble, slot: { now: slot }, pins: [1] } }
  const check = <Of>(table: MetricTable<Of>, of: Of): void => {
    for (const [name, { labels = [], kind, read }] of Object.entries(table)) {
      const value = read(of)
      assert.equal(typeof value === 'object' && 'counts' in value, kind === 'histogram', name)
      if (typeof value === 'object' && 'counts' in value) continue
      const samples = typeof value === 'number' ? [{ labels: {} }] : value
      for (const sample of samples) assert.deepEqual(Object.keys(sample.labels), labels, name)
    }
  }
  check(changefeedMetrics, changefeeds())
  check(sourceMetrics, source)
  check(sinkMetrics, feedMeter())
  const job = { id: '1', scope: 'default', isPaused: false, lag: 1 }
  const lags = [{ database: 'd', table: 't', lag: 1 }]
  check(jobMetrics, { jobs: [job], tables: lags, pins: 1, oldestPin: 1, meter: feedMeter() })
})

test('everything that a changefeed counts is shown', () => {
  const { counters, gauges, histograms } = feedMeterNames
  const before = JSON.stringify(textOf(feedMeter()))
  for (const name of [...counters, ...gauges]) {
    const meter = feedMeter()
    meter.count(name)
    assert.notEqual(JSON.stringify(textOf(meter)), before, name)
  }
  for (const name of Object.keys(histograms) as (keyof typeof histograms)[]) {
    const meter = feedMeter()
    meter.observe(name, 1)
    assert.notEqual(JSON.stringify(textOf(meter)), before, name)
  }
})

function textOf(meter: ReturnType<typeof feedMeter>): string[] {
  return [
    metricsText(changefeedMetrics, [{ labels: {}, of: { ...changefeeds(), meter } }]),
    metricsText(sinkMetrics, [{ labels: {}, of: meter }]),
    metricsText(jobMetrics, [{ labels: {}, of: { jobs: [], tables: [], pins: 0, oldestPin: 0, meter } }]),
  ]
}
