// The graphs of the dashboard show metrics of which points are kept, and the reference names every request of the API.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { dashboardGraphs } from '../../console/src/graph/dashboard-graphs.ts'
import { storedMetrics } from '../../src/metrics/stored-metrics.ts'

const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('every line of a graph is a metric that is kept, of what it asks for', () => {
  for (const { title, lines } of dashboardGraphs) {
    for (const { metric, of = 'cluster' } of lines) {
      const found = storedMetrics.find(({ name }) => name === metric)
      assert.ok(found !== undefined, `${title}: points of ${metric} are not kept`)
      assert.ok(
        found.of.some((one) => one === of),
        `${title}: ${metric} is kept of ${found.of.join()}, and not of ${of}`,
      )
    }
  }
  const ofJobs = [...text('console/src/graph/job-graphs.tsx').matchAll(/metric: '([^']+)'/g)].map(
    ([, name = '']) => name,
  )
  assert.equal(ofJobs.length, 4)
  for (const name of ofJobs) assert.ok(storedMetrics.find((metric) => metric.name === name)?.of.includes('job'), name)
})

test('the dashboard has the graphs of CockroachDB by their names, and its guide has all of them', () => {
  const titles = dashboardGraphs.flatMap(({ title, formerly }) => [
    title,
    ...(formerly === undefined ? [] : [formerly]),
  ])
  const guide = text('docs/guide/console.md')
  for (const title of titles) assert.ok(guide.includes(title), title)
  for (const title of [
    'Changefeed Status',
    'Commit Latency',
    'Emitted Bytes',
    'Sink Byte Traffic',
    'Sink Counts',
    'Sink Timings',
    'Max Checkpoint Latency',
    'Max Changefeed Latency',
    'Changefeed Restarts',
    'Oldest Protected Timestamp',
    'Backfill Pending Ranges',
    'Schema Registry Registrations',
    'Ranges in catchup mode',
    'Rangefeed Catchup Scans Duration',
  ])
    assert.ok(titles.includes(title), title)
})

test('the reference names every request of the API', () => {
  const reference = text('docs/reference/http.md')
  const routes = [...text('src/server/api/api.ts').matchAll(/\b(get|post)\(\s*\/\^(.*?)\$\//g)]
  assert.ok(routes.length > 10)
  for (const [, method = '', pattern = ''] of routes) {
    const path = pattern
      .replaceAll(String.raw`\/`, '/')
      .replace(String.raw`(\d{1,19})`, 'ID')
      .replace('(pause|resume|cancel)', 'pause')
    assert.ok(reference.includes(`\`${method.toUpperCase()} ${path}`), `${method} ${path}`)
  }
})
