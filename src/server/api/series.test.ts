import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeptMetric, SeriesQuery, SeriesStore } from '../../core/series.ts'
import { querySeries } from './series.ts'

const many = ['a', 'b', ...Array.from({ length: 20 }, (_, i) => `m${i}`)]
const metric = (name: string, of: KeptMetric['of']): KeptMetric => ({
  name,
  kind: 'counter',
  unit: 'count',
  help: '',
  of,
})

/** Has 500 jobs, whose points are all the same. */
function storeOfJobs(): { readonly store: SeriesStore; readonly asked: SeriesQuery[] } {
  const asked: SeriesQuery[] = []
  const store: SeriesStore = {
    metrics: [
      ...many.map((name) => metric(name, ['cluster', 'job'])),
      metric('changefeed.failures', ['cluster', 'scope']),
      metric('changefeed.commit_latency-p50', ['cluster']),
      metric('lag', ['job']),
    ],
    async query(query) {
      asked.push(query)
      const { fromMs, toMs, stepMs } = query
      const values = Array.from({ length: (toMs - fromMs) / stepMs }, () => 1)
      const all = Array.from({ length: 500 }, (_, i) => String(i))
      const ids = all.filter((id) => query.ids?.includes(id) ?? true)
      return { fromMs, stepMs, series: ids.map((id) => ({ id, values })) }
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

test('who may see some jobs gets the points of these, with ids or without, also of a metric of jobs alone', async () => {
  const { store, asked } = storeOfJobs()
  const seenJobs = async (): Promise<ReadonlySet<string>> => new Set(['7', '8'])
  const span = 'from=0&to=100000'
  const idsOf = async (query: string): Promise<readonly (string | undefined)[]> => {
    const { answers } = await querySeries(store, new URL(`http://x/?${query}&${span}`), { seenJobs })
    return answers.flatMap(({ series }) => series.map(({ id }) => id))
  }
  assert.deepEqual(await idsOf('name=a&of=job'), ['7', '8'])
  assert.deepEqual(await idsOf('name=a&of=job&id=8'), ['8'])
  assert.deepEqual(await idsOf('name=lag&aggregate=max'), ['7', '8'])
  const { ids } = asked.at(-1) ?? {}
  assert.deepEqual(ids, ['7', '8'], 'what is aggregated')
  await assert.rejects(idsOf('name=a&of=job&id=8&id=9'), { message: 'job with ID 9 does not exist' })
  await assert.rejects(idsOf('name=lag&id=9'), { message: 'job with ID 9 does not exist' })
  assert.equal((await idsOf('name=a')).length, 500, 'those of the whole server are for everybody')
})

test('a name that is repeated is answered once', async () => {
  const { store, asked } = storeOfJobs()
  const { answers } = await querySeries(store, urlOf(['a', 'b', 'a'], 10))
  assert.deepEqual([answers.map(({ name }) => name), asked.length], [['a', 'b'], 2])
})

test('what there is not is refused with what was probably meant, and not answered with nothing', async () => {
  const { store } = storeOfJobs()
  const span = 'from=0&to=100000'
  const unknownJob = async (ids: readonly string[]): Promise<string | undefined> => ids.find((id) => id === '777')
  for (const [query, message, hint] of [
    [`name=nonsense&${span}`, 'there are no points of a metric nonsense', 'GET metrics lists the metrics'],
    [`name=changefeed.failure&${span}`, /changefeed\.failure$/, 'did you mean changefeed.failures?'],
    [`name=changefeed_failures&${span}`, /changefeed_failures$/, 'did you mean changefeed.failures?'],
    [`name=changefeed.commit_latency&${span}`, /latency$/, 'did you mean changefeed.commit_latency-p50?'],
    [`name=changefeed.failures&of=job&${span}`, /of each job$/, 'of may be cluster, scope'],
    [`name=a&of=job&id=777&${span}`, 'job with ID 777 does not exist', 'SHOW JOBS lists the jobs'],
    ['name=a&from=5&to=5', /^from has to be before to/, undefined],
    ['name=a&from=9&to=5', /^from has to be before to/, undefined],
    [`name=a&step=-1&${span}`, 'step is not a whole number', undefined],
    [`name=a&step=0&${span}`, 'step has to be at least 1 millisecond', undefined],
    ['name=a&from=NaN&to=5', 'from is not a whole number', undefined],
    [`name=a&rate=fast&${span}`, /^rate has to be/, undefined],
    [`${span}`, /^name has to be given/, undefined],
  ] as const)
    await assert.rejects(
      querySeries(store, new URL(`http://x/?${query}`), { unknownJob }),
      (error: Error & { readonly hint?: string }) => {
        if (typeof message === 'string') assert.equal(error.message, message)
        else assert.match(error.message, message)
        if (hint !== undefined) assert.equal(error.hint, hint, query)
        return true
      },
    )
})
