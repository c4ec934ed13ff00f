// The alert rules, the dashboard and the page of the guide use metrics that exist.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { changefeedMetrics } from './changefeed-metrics.ts'
import { jobMetrics } from './job-metrics.ts'
import { prometheusName, type MetricKind, type MetricTable } from './metrics.ts'
import { serverProcessMetrics } from './server-metrics.ts'
import { sinkMetrics } from './sink-metrics.ts'
import { sourceMetrics } from './source-metrics.ts'

const folder = new URL('../../docs/guide/monitoring/', import.meta.url)
const textOf = (name: string): string => readFileSync(new URL(name, folder), 'utf8')

interface Known {
  readonly kind: MetricKind
  readonly isEssential: boolean
  readonly labels: readonly string[]
}

const known = new Map<string, Known>([
  ...namesOf(changefeedMetrics, ['scope']),
  ...namesOf(jobMetrics, []),
  ...namesOf(sinkMetrics, ['sink']),
  ...namesOf(sourceMetrics, ['database']),
  ...namesOf(serverProcessMetrics, []),
])

/** With the series of histograms. */
function* namesOf(table: MetricTable<never>, outer: readonly string[]): Generator<[string, Known]> {
  for (const [dotted, { kind, shown, labels = [] }] of Object.entries(table)) {
    const name = prometheusName(dotted)
    const all = [...outer, ...labels]
    const isEssential = shown === 'essential'
    if (kind !== 'histogram') yield [name, { kind, isEssential, labels: all }]
    else {
      yield [`${name}_bucket`, { kind, isEssential, labels: [...all, 'le'] }]
      for (const end of ['_sum', '_count']) yield [name + end, { kind: 'counter', isEssential, labels: all }]
    }
  }
}

function check(expression: string): readonly string[] {
  const used = [...new Set(expression.match(/\b(?:changefeed_\w+|jobs_\w+|sys_\w+|security_\w+|up)\b/g))]
  assert.ok(used.length > 0, expression)
  for (const name of used) assert.ok(name === 'up' || known.has(name), `${name} in ${expression}`)
  // Only what counts up has a rate.
  for (const [, name = ''] of expression.matchAll(/\b(?:rate|increase)\((\w+)/g))
    assert.ok(known.get(name)?.kind !== 'gauge', `the rate of ${name}`)
  const labels = new Set(['instance', 'job', ...used.flatMap((name) => known.get(name)?.labels ?? [])])
  for (const [, inside = ''] of expression.matchAll(/\{([^}]*)\}/g))
    for (const [, label = ''] of inside.matchAll(/(\w+)\s*(?:=|!|~)/g))
      assert.ok(labels.has(label), `${label} in ${expression}`)
  for (const [, inside = ''] of expression.matchAll(/\bby \(([^)]*)\)/g))
    for (const label of inside.split(',')) assert.ok(labels.has(label.trim()), `${label} in ${expression}`)
  return used
}

test('every rule has a name of its own, a severity, a summary, and an expression over metrics that exist', () => {
  const blocks = textOf('alerts.yml')
    .split(/^ {6}- alert: /m)
    .slice(1)
  assert.ok(blocks.length > 5)
  const names = blocks.map((block) => /^\w+/.exec(block)?.[0])
  assert.equal(new Set(names).size, names.length)
  for (const block of blocks) {
    assert.match(block, /^ {8}labels: \{ severity: (?:critical|warning) \}$/m)
    assert.match(block, /^ {10}summary: [A-Z].*\.$/m)
    const used = check(/^ {8}expr: (.*)$/m.exec(block)?.[1] ?? '')
    const own = used.flatMap((name) => known.get(name)?.labels ?? [])
    for (const [, label = ''] of block.matchAll(/\$labels\.(\w+)/g))
      assert.ok(['instance', ...own].includes(label), `${label} in ${block}`)
  }
})

test('no rule falls silent when a server shows only its essential metrics, or no totals beside the scopes', () => {
  const expressions = [...textOf('alerts.yml').matchAll(/^ {8}expr: (.*)$/gm)].map(([, expression = '']) => expression)
  assert.ok(expressions.length > 5)
  for (const expression of expressions) {
    for (const name of check(expression))
      assert.ok(name === 'up' || known.get(name)?.isEssential === true, `${name} is not essential`)
    assert.ok(!/\bscope="/.test(expression), expression)
  }
})

interface Panel {
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string }[]
}

test('every panel of the dashboard has a title of its own, and queries over metrics that exist', () => {
  const { panels } = JSON.parse(textOf('grafana.json')) as { readonly panels: readonly Panel[] }
  assert.ok(panels.length > 15)
  assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length)
  for (const { title, type, targets = [] } of panels) {
    assert.equal(targets.length > 0, type !== 'row', title)
    for (const { expr } of targets) check(expr.replaceAll('$__rate_interval', '5m'))
  }
})

test('the page about monitoring names metrics that exist', () => {
  const page = textOf('monitoring.md')
  const named = page.match(/\b(?:changefeed|jobs_changefeed)_\w+/g) ?? []
  assert.ok(named.length > 0)
  const bare = new Set([...known.keys()].map((name) => name.replace(/_bucket$/, '')))
  for (const name of named) assert.ok(bare.has(name) || name.endsWith('_'), name)
  for (const name of known.keys())
    if (name.startsWith('changefeed_source_slot_'))
      assert.ok(
        named.some((one) => one === name),
        `${name} is not on the page`,
      )
})
