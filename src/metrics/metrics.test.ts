import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noCounts } from '../core/metric-scopes.ts'
import { changefeedMetrics } from './changefeed-metrics.ts'
import { metricsText, type MetricTable } from './metrics.ts'
import { sourceMetrics } from './source-metrics.ts'

test('a metric without labels, with labels, with labels of its own and without samples, as Prometheus reads it', async () => {
  const table: MetricTable<number> = {
    things: { kind: 'gauge', help: 'Things.', read: (of) => of },
    parts: {
      kind: 'counter',
      help: 'Parts of things.',
      labels: ['part'],
      read: (of) => (of === 0 ? [] : [{ labels: { part: 'a "b" \\\n' }, value: of }]),
    },
  }
  const text = await metricsText(table, [
    { labels: {}, of: 0 },
    { labels: { database: 'd' }, of: 1.5 },
  ])
  assert.equal(
    text,
    String.raw`# HELP things Things.
# TYPE things gauge
things 0
things{database="d"} 1.5

# HELP parts Parts of things.
# TYPE parts counter
parts{database="d",part="a \"b\" \\\n"} 1.5
`,
  )
})

test('every metric has a name of its own that begins with changefeed_, and help of one line', () => {
  const all = [...Object.entries(changefeedMetrics), ...Object.entries(sourceMetrics)]
  assert.equal(new Set(all.map(([name]) => name)).size, all.length)
  for (const [name, { help }] of all) {
    assert.match(name, /^changefeed_[a-z_]+$/)
    assert.match(help, /^[A-Z0-9][^\\\n]*\.$/)
  }
})

test('a metric has exactly the labels that its table says', () => {
  const changefeeds = { ...noCounts, running: 1, scanning: 1, pendingRanges: 3, frontier: 1n, checkpoint: 1n, now: 2n }
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
  const source = { log: { status }, ingest: { state: { tag: 'streaming' }, trouble, slot: { now: slot } } }
  const check = <Of>(table: MetricTable<Of>, of: Of): void => {
    for (const [name, { labels = [], read }] of Object.entries(table)) {
      const value = read(of)
      const samples = typeof value === 'number' ? [{ labels: {} }] : value
      for (const sample of samples) assert.deepEqual(Object.keys(sample.labels), labels, name)
    }
  }
  check(changefeedMetrics, changefeeds)
  check(sourceMetrics, source)
})
