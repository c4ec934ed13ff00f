import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxScopes, MetricScopes, noCounts } from './metric-scopes.ts'

test('what is counted in a scope is in the total, too, and what has none is in the default scope', () => {
  const scopes = new MetricScopes(() => [])
  scopes.add('rides', { messages: 2, bytes: 10 })
  scopes.add('rides', { failures: 1 })
  scopes.add(undefined, { messages: 3 })
  assert.deepEqual(scopes.all.get('rides'), { ...noCounts, messages: 2, bytes: 10, failures: 1 })
  assert.deepEqual(scopes.all.get('default'), { ...noCounts, messages: 3 })
  assert.deepEqual(scopes.total, { ...noCounts, messages: 5, bytes: 10, failures: 1 })
})

test('there are no more scopes than the limit; an idle one makes room, and its counts stay in the total', () => {
  const running = new Set<string>()
  const scopes = new MetricScopes(() => running)
  for (let i = 0; i < maxScopes; i++) {
    assert.ok(scopes.mayUse(`s${i}`))
    running.add(`s${i}`)
    scopes.use(`s${i}`)
    scopes.add(`s${i}`, { messages: 1 })
  }
  assert.equal(scopes.mayUse('one more'), false)
  assert.equal(scopes.mayUse('s7'), true)

  running.delete('s7')
  assert.equal(scopes.mayUse('one more'), true)
  scopes.use('one more')
  assert.equal(scopes.all.size, maxScopes + 1)
  assert.equal(scopes.all.has('s7'), false)
  assert.equal(scopes.total.messages, maxScopes)
})
