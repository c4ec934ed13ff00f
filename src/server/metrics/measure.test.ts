// What is measured of scopes before anything has happened in them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetricScopes } from '../../core/metric-scopes.ts'
import { metricsText } from '../../metrics/metrics.ts'
import { changefeedMetrics } from '../../metrics/changefeed-metrics.ts'
import { measure, type MeasuredParts } from './measure.ts'

test('the counters of a scope are at 0 as soon as a job has it, also a paused one after a restart', async () => {
  const progress = { tag: 'none' }
  const job = (scope: string): object => ({ id: scope, scope, database: 'd', createdMs: 0, progress, targets: [] })
  const parts = {
    scopes: new MetricScopes(() => []),
    feeds: { running: [] },
    jobs: { running: [{ job: { id: 'waiting', createdMs: 0, payload: { spec: job('waiting') } }, progress }] },
    sources: { all: [] },
    paused: { now: async () => [job('paused')] },
    names: { learn: async () => undefined, of: () => 't' },
    certificates: () => [],
  } as unknown as MeasuredParts
  const { byScope } = await measure(parts)
  assert.deepEqual([...byScope.keys()], ['default', 'waiting', 'paused'])
  const text = metricsText(
    changefeedMetrics,
    [...byScope].map(([scope, of]) => ({ labels: { scope }, of })),
  )
  for (const scope of byScope.keys())
    for (const name of ['changefeed_error_retries', 'changefeed_failures', 'changefeed_commit_latency_count'])
      assert.ok(text.includes(`${name}{scope="${scope}"} 0\n`), `${name} of ${scope}`)
})
