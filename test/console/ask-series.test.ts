// How the graphs of a page ask for their values: together, and none at the cost of another.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatheredSeries } from '../../console/src/graph/gathered-series.ts'
import { moveMs, stepOf } from '../../console/src/graph/span.ts'

const span = { from: 0, to: 3_600_000, step: 10_000 }
const options = { downsample: 'avg', of: 'cluster', ...span }
const { signal } = new AbortController()

const refused = new Error('there are no points of bad')

/** A server that refuses `bad`, and which requests came. */
function server(): { readonly series: GatheredSeries; readonly asked: readonly (readonly string[])[] } {
  const asked: (readonly string[])[] = []
  const series = new GatheredSeries(
    async (names) => {
      asked.push(names)
      if (names.includes('bad')) throw refused
      return names.map((name) => ({ name, fromMs: 0, stepMs: 1, series: [] }))
    },
    (error) => error === refused,
  )
  return { series, asked }
}

test('what graphs ask for at the same moment in the same way is one request, with at most twenty names', async () => {
  const { series, asked } = server()
  const names = Array.from({ length: 25 }, (_, i) => `m${i}`)
  const answers = await Promise.all([...names, 'm3'].map((name) => series.ask(name, options, signal)))
  assert.deepEqual(
    answers.map((answer) => answer?.name),
    [...names, 'm3'],
  )
  assert.deepEqual(
    asked.map((one) => one.length),
    [20, 5],
  )
  await Promise.all([series.ask('a', options, signal), series.ask('a', { ...options, downsample: 'max' }, signal)])
  assert.deepEqual(asked.slice(2), [['a'], ['a']])
})

test('a metric that there is not is an error of its own graph only', async () => {
  const { series, asked } = server()
  const [good, bad] = await Promise.allSettled(['good', 'bad'].map((name) => series.ask(name, options, signal)))
  assert.equal(good?.status === 'fulfilled' && good.value?.name, 'good')
  assert.equal(bad?.status === 'rejected' && bad.reason, refused)
  assert.equal(asked.length, 3)
})

test('what nobody waits for any more is not asked', async () => {
  const { series, asked } = server()
  const left = new AbortController()
  const answers = [series.ask('a', options, left.signal), series.ask('b', options, signal)]
  left.abort()
  const [a, b] = await Promise.allSettled(answers)
  assert.deepEqual([a?.status, b?.status, asked], ['rejected', 'fulfilled', [['b']]])
})

test('a long span moves on less often than its values are apart, and at least each minute', () => {
  const hour = 3_600_000
  assert.deepEqual(
    [hour / 6, hour, 6 * hour, 7 * 24 * hour].map((ms) => moveMs(ms) / 1000),
    [10, 10, 60, 60],
  )
  assert.equal(stepOf({ fromMs: 0, toMs: 7 * 24 * hour }), 1_680_000)
})
