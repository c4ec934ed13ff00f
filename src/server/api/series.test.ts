import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SeriesQuery, SeriesStore } from '../../core/series.ts'
import { querySeries } from './series.ts'

/** Has 500 jobs, whose points are all the same. */
function storeOfJobs(): { readonly store: SeriesStore; readonly asked: SeriesQuery[] } {
  const asked: SeriesQuery[] = []
  const store: SeriesStore = {
    metrics: [],
    async query(query) {
      asked.push(query)
      const { fromMs, toMs, stepMs } = query
      const values = Array.from({ length: (toMs - fromMs) / stepMs }, () => 1)
      return { fromMs, stepMs, series: Array.from({ length: 500 }, (_, i) => ({ id: String(i), values })) }
    },
  }
  return { store, asked }
}

const urlOf = (names: readonly string[], steps: number): URL =>
  new URL(`http://x/?of=job&from=0&to=${steps * 10_000}&step=10000${names.map((name) => `&name=${name}`).join('')}`)

test('an answer that would have millions of values is refused before all of them are in memory', async () => {
  const { store, asked } = storeOfJobs()
  const names = Array.from({ length: 20 }, (_, i) => `m${i}`)
  await assert.rejects(querySeries(store, urlOf(names, 2000)), /more than 2000000 values/)
  assert.equal(asked.length, 3)
  const { answers } = await querySeries(store, urlOf(names, 100))
  assert.equal(answers.length, 20)
})

test('a name that is repeated is answered once', async () => {
  const { store, asked } = storeOfJobs()
  const { answers } = await querySeries(store, urlOf(['a', 'b', 'a'], 10))
  assert.deepEqual([answers.map(({ name }) => name), asked.length], [['a', 'b'], 2])
})
