import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedMeter, feedMeterBytes, countDelivered } from './feed-meter.ts'
import { Meter, MeterLayout, quantile } from './meter.ts'

test('what one meter counts in shared memory another one reads, and gauges are not added when it has ended', () => {
  const shared = new SharedArrayBuffer(feedMeterBytes)
  const counts = feedMeter(shared)
  const reads = feedMeter(shared)
  counts.count('messages', 3)
  counts.set('pendingMessages', 5)
  counts.observe('batchMessages', 3)
  assert.equal(reads.value('messages'), 3)
  const sum = feedMeter()
  sum.addEnded(reads)
  sum.add(reads)
  assert.deepEqual([sum.value('messages'), sum.value('pendingMessages')], [6, 5])
  assert.equal(sum.histogram('batchMessages').sum, 6)
})

test('a value on a bound is in the bucket of the bound, and one above all bounds in the last one', () => {
  const layout = new MeterLayout({ counters: ['c'], gauges: ['g'], histograms: { h: [1, 10] } })
  const meter = new Meter(layout)
  for (const value of [0, 1, 2, 10, 11]) meter.observe('h', value)
  const { counts, sum } = meter.histogram('h')
  assert.deepEqual([[...counts], sum], [[2, 2, 1], 24])
  meter.observeAll('h', [1, 0, 2], 100)
  assert.deepEqual([[...meter.histogram('h').counts], meter.histogram('h').sum], [[3, 2, 3], 124])
  assert.deepEqual([meter.value('c'), meter.value('g')], [0, 0])
})

test('quantiles are interpolated in their bucket', () => {
  const bounds = [10, 20, 40]
  assert.equal(quantile({ bounds, counts: Float64Array.of(0, 0, 0, 0) }, 0.5), undefined)
  assert.equal(quantile({ bounds, counts: Float64Array.of(10, 0, 0, 0) }, 0.5), 5)
  assert.equal(quantile({ bounds, counts: Float64Array.of(5, 5, 0, 0) }, 0.9), 18)
  assert.equal(quantile({ bounds, counts: Float64Array.of(0, 0, 0, 3) }, 0.5), 40)
})

test('messages of a scan are counted without a time from their commit', () => {
  const meter = feedMeter()
  const sent = { messages: 2, bytes: 10, emittedAtMs: performance.now() }
  countDelivered(meter, { ...sent, committedMs: Number.NaN }, 7)
  assert.equal(
    meter.histogram('commitLatency').counts.every((count) => count === 0),
    true,
  )
  countDelivered(meter, { ...sent, committedMs: Date.now() - 15 })
  const { counts, sum } = meter.histogram('commitLatency')
  assert.equal(
    counts.reduce((all, count) => all + count, 0),
    1,
  )
  assert.ok(sum >= 15e6 && sum < 60e9, String(sum))
  assert.deepEqual([meter.value('messages'), meter.value('bytes'), meter.value('flushedBytes')], [4, 20, 17])
})
