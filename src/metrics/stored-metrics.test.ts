import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedMeter, type FeedMeter } from '../core/feed-meter.ts'
import { sinkMetrics } from './sink-metrics.ts'
import type { MetricTable } from './metrics.ts'
import { PointMaker, storedMetrics } from './stored-metrics.ts'
import { keyText } from './points/series-key.ts'

const ms = 1e6
const times: MetricTable<FeedMeter> = {
  'changefeed.flush_hist_nanos': {
    kind: 'histogram',
    unit: 'nanoseconds',
    help: 'Flushing a sink.',
    read: (meter) => meter.histogram('flush'),
  },
}
const key = (name: string, id = ''): string =>
  keyText({ name: `changefeed.flush_hist_nanos-${name}`, of: id === '' ? 'cluster' : 'scope', id })

test('quantiles are those of the last ten seconds, and absent when nothing was counted in them', () => {
  const meter = feedMeter()
  const maker = new PointMaker()
  const take = (): ReadonlyMap<string, number> => {
    maker.add(times, {}, meter)
    return maker.take()
  }
  assert.deepEqual([...take().keys()], [key('sum'), key('count')])
  meter.observe('flush', 1.5 * ms, 10)
  const first = take()
  assert.equal(first.get(key('count')), 10)
  assert.ok((first.get(key('p99')) ?? 0) <= 2 * ms)
  meter.observe('flush', 4000 * ms)
  const second = take()
  assert.ok((second.get(key('p50')) ?? 0) > 2000 * ms)
  assert.equal(second.get(key('count')), 11)
  const third = take()
  assert.equal(third.has(key('p50')), false)
  assert.equal(third.get(key('count')), 11)
  // A source that was opened again counts from 0.
  const anew = feedMeter()
  anew.observe('flush', 1.5 * ms)
  maker.add(times, {}, anew)
  assert.ok((maker.take().get(key('p50')) ?? Infinity) <= 2 * ms)
})

test('a scope in which nothing has happened has no points of histograms, and quantiles from the first value on', () => {
  const meter = feedMeter()
  const maker = new PointMaker()
  maker.add(times, { scope: 'a' }, meter)
  assert.equal(maker.take().size, 0)
  meter.observe('flush', 1.5 * ms)
  maker.add(times, { scope: 'a' }, meter)
  assert.ok(maker.take().has(key('p50', 'a')))
})

test('everything of which points are kept is listed with its name, and those of labels under their origin', () => {
  const maker = new PointMaker()
  maker.add(sinkMetrics, { sink: 'kafka' }, feedMeter())
  maker.addJob({ id: '7', scope: 'default', isPaused: false, lag: 1, meter: feedMeter() })
  const listed = new Map(storedMetrics.map(({ name, of }) => [name, of]))
  for (const text of maker.take().keys()) {
    const [name = '', of = ''] = text.split(' ')
    assert.ok(
      listed.get(name)?.some((origin) => origin === of),
      text,
    )
  }
})
