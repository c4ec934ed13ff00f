// What is asked of the points of metrics.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, cluster, folder, ofJob, open, startMs } from '../../../test/support/points-under-test.ts'
import type { SeriesQuery } from '../../core/series.ts'
import { hourMs, slotMs } from './series-key.ts'

test('rates are per second, a counter that begins anew stands still, and several series become one', async (t) => {
  const points = open(folder(t))
  const counts = [
    [0, 100, 200, 0, 50],
    [0, 10, 20, 30, 40],
  ]
  for (let slot = 0; slot < 5; slot++)
    points.record(
      startMs + slot * slotMs,
      new Map(counts.map((count, job) => [ofJob('c', job), count[slot] as number])),
    )
  const span = { name: 'c', of: 'job', fromMs: startMs + slotMs, toMs: startMs + 5 * slotMs } as const
  const each = await ask(points, { ...span, rate: 'non_negative', aggregate: undefined })
  assert.deepEqual(
    each.series.map(({ id, values }) => [id, values]),
    [
      ['0', [10, 10, 0, 5]],
      ['1', [1, 1, 1, 1]],
    ],
  )
  const of = async (query: Partial<SeriesQuery>) => (await ask(points, { ...span, ...query })).series[0]?.values
  assert.deepEqual(await of({ rate: 'non_negative' }), [11, 11, 1, 6])
  assert.deepEqual(await of({ rate: 'rate', ids: ['0'] }), [10, 10, -20, 5])
  assert.deepEqual(await of({ aggregate: 'max' }), [100, 200, 30, 50])
  assert.deepEqual(await of({ aggregate: 'min', stepMs: 2 * slotMs, downsample: 'max', fromMs: startMs }), [10, 30, 40])
  assert.deepEqual(await of({ aggregate: 'avg', ids: ['0', '1'] }), [55, 110, 15, 45])
  assert.deepEqual(await of({ name: 'nothing' }), [null, null, null, null])
  await points.close()
})

test('a long time has steps as long as the most steps of an answer need', async (t) => {
  const points = open(folder(t))
  points.record(startMs, new Map([[cluster('a'), 1]]))
  const { stepMs, series } = await ask(points, { fromMs: startMs - 30 * 24 * hourMs, toMs: startMs + hourMs })
  assert.ok(stepMs % slotMs === 0 && stepMs > slotMs)
  assert.ok((series[0]?.values.length ?? 0) <= 2000)
  assert.equal(
    series[0]?.values.findLast((value) => value !== null),
    1,
  )
  await points.close()
})

test('a name that every object of JavaScript has is no metric', async (t) => {
  const points = open(folder(t))
  for (const hour of [0, 1]) points.record(startMs + hour * hourMs, new Map([[cluster('a'), 1]]))
  await points.idle()
  for (const name of ['__proto__', 'constructor']) {
    const answer = await ask(points, { name, fromMs: startMs, toMs: startMs + hourMs, aggregate: undefined })
    assert.deepEqual(answer.series, [], name)
  }
  await points.close()
})
