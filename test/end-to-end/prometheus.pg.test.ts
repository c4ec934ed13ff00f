// A real Prometheus reads the metrics, understands the rules and the dashboard of the guide, and raises the alarm when a sink stops.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { Prometheus, skipWithoutPrometheus } from '../services/prometheus/prometheus.ts'
import { tryRules } from '../services/prometheus/promtool.ts'
import { scenarios } from '../services/prometheus/scenarios.ts'
import { HookServer } from '../services/webhook/hook-server.ts'
import { until } from '../support/until.ts'

const withinMs = 60_000
const dashboard = new URL('../../docs/guide/monitoring/grafana.json', import.meta.url)

interface Panel {
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}

test('each alert fires when it should, and none when all is well', { skip: skipWithoutPrometheus }, () => {
  assert.equal(tryRules(scenarios), undefined)
  const rules = readFileSync(new URL('../../docs/guide/monitoring/alerts.yml', import.meta.url), 'utf8')
  const named = [...rules.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name]) => name ?? '')
  const tried = new Set(scenarios.flatMap(({ firing }) => Object.values(firing).flat()))
  assert.deepEqual([...tried].sort(), named.sort())
})

test(
  'an alert fires while a sink is stopped, and every query of the dashboard has an answer',
  {
    skip: skipWithoutPrometheus,
  },
  async () => {
    await using server = await TestServer.start()
    await using prometheus = await Prometheus.start(`127.0.0.1:${server.httpPort}`)
    await using hooks = await HookServer.start()
    await server.sql('CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)')
    await server.sql(
      `CREATE CHANGEFEED FOR t INTO '${hooks.uri()}' WITH min_checkpoint_frequency = '100ms', webhook_sink_config = '{"Retry": {"Max": 3, "Backoff": "100ms"}}'`,
    )
    const firing = async (): Promise<readonly string[]> =>
      (await prometheus.alerts()).flatMap(({ state, labels }) =>
        state === 'firing' ? [labels['alertname'] ?? ''] : [],
      )
    await until('the message is counted', withinMs, async () => {
      const { result } = await prometheus.query('changefeed_sink_messages{sink="webhook"}')
      return result[0]?.value[1] === '1' ? true : undefined
    })
    assert.deepEqual(await firing(), [])

    let isStopped = true
    hooks.trouble = () => (isStopped ? { status: 503 } : 'take')
    await server.sql('INSERT INTO t VALUES (2)')
    await until('the alert fires', withinMs, async () =>
      (await firing()).includes('ChangefeedSinkInTrouble') ? true : undefined,
    )
    const alert = (await prometheus.alerts()).find(({ labels }) => labels['alertname'] === 'ChangefeedSinkInTrouble')
    assert.match(alert?.annotations['summary'] ?? '', /of the kind webhook have failed/)
    isStopped = false
    await until('the row arrives', withinMs, async () => {
      const { result } = await prometheus.query('changefeed_sink_messages{sink="webhook"}')
      return result[0]?.value[1] === '2' ? true : undefined
    })

    const { panels } = JSON.parse(readFileSync(dashboard, 'utf8')) as { readonly panels: readonly Panel[] }
    const empty: string[] = []
    for (const { title, targets = [] } of panels)
      for (const { expr } of targets) {
        const { result } = await prometheus.query(
          expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
        )
        if (result.length === 0) empty.push(`${title}: ${expr}`)
      }
    // Without max_slot_wal_keep_size nothing says when the slot is lost.
    assert.deepEqual(
      empty.filter((one) => !one.includes('safe_wal_bytes')),
      [],
    )
  },
)
