// The alert rules of the guide use metrics that exist.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { changefeedMetrics } from './changefeed-metrics.ts'
import { sourceMetrics } from './source-metrics.ts'

const folder = new URL('../../docs/guide/monitoring/', import.meta.url)
const rules = readFileSync(new URL('alerts.yml', folder), 'utf8')
const known: ReadonlySet<string> = new Set([...Object.keys(changefeedMetrics), ...Object.keys(sourceMetrics)])

test('every rule has a name of its own, a severity, a summary, and an expression over metrics that exist', () => {
  const blocks = rules.split(/^ {6}- alert: /m).slice(1)
  assert.ok(blocks.length > 5)
  const names = blocks.map((block) => /^\w+/.exec(block)?.[0])
  assert.equal(new Set(names).size, names.length)
  for (const block of blocks) {
    assert.match(block, /^ {8}labels: \{ severity: (?:critical|warning) \}$/m)
    assert.match(block, /^ {10}summary: [A-Z].*\.$/m)
    const expression = /^ {8}expr: (.*)$/m.exec(block)?.[1] ?? ''
    const used: readonly string[] = expression.match(/\b(?:changefeed_\w+|up)\b/g) ?? []
    assert.ok(used.length > 0, block)
    for (const name of used) assert.ok(name === 'up' || known.has(name), name)
    for (const [, label = ''] of block.matchAll(/\$labels\.(\w+)/g)) {
      const own = used.flatMap((name) => sourceMetrics[name]?.labels ?? [])
      assert.ok(['database', 'instance', ...own].includes(label), `${label} in ${block}`)
    }
  }
})

test('the page about monitoring names metrics that exist', () => {
  const page = readFileSync(new URL('monitoring.md', folder), 'utf8')
  const named = page.match(/\bchangefeed_source_\w+/g) ?? []
  assert.ok(named.length > 0)
  for (const name of named) assert.ok(known.has(name), name)
  const ofSlot = Object.keys(sourceMetrics).filter((name) => name.startsWith('changefeed_source_slot_'))
  for (const name of ofSlot)
    assert.ok(
      named.some((one) => one === name),
      `${name} is not on the page`,
    )
})
