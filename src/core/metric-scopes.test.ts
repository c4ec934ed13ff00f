import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedMeter, type FeedMeter } from './feed-meter.ts'
import { maxScopes, MetricScopes } from './metric-scopes.ts'

function counted(messages: number, bytes = 0): FeedMeter {
  const meter = feedMeter()
  meter.count('messages', messages)
  meter.count('bytes', bytes)
  meter.set('pendingMessages', 7)
  return meter
}

test('what is counted in a scope is in the total, too, and what has none is in the default scope', () => {
  const scopes = new MetricScopes(() => [])
  scopes.add('rides', 'kafka', counted(2, 10))
  scopes.count('rides', 'failures')
  scopes.add(undefined, 'null', counted(3))
  const read = (meter: FeedMeter | undefined): (number | undefined)[] =>
    (['messages', 'bytes', 'failures', 'pendingMessages'] as const).map((name) => meter?.value(name))
  assert.deepEqual(read(scopes.all.get('rides')), [2, 10, 1, 0])
  assert.deepEqual(read(scopes.all.get('default')), [3, 0, 0, 0])
  assert.deepEqual(read(scopes.total), [5, 10, 1, 0])
  assert.deepEqual(read(scopes.sinks.get('kafka')), [2, 10, 0, 0])
})

test('there are no more scopes than the limit; an idle one makes room, and its counts stay in the total', () => {
  const running = new Set<string>()
  const scopes = new MetricScopes(() => running)
  for (let i = 0; i < maxScopes; i++) {
    assert.ok(scopes.mayUse(`s${i}`))
    running.add(`s${i}`)
    scopes.use(`s${i}`)
    scopes.add(`s${i}`, 'null', counted(1))
  }
  assert.equal(scopes.mayUse('one more'), false)
  assert.equal(scopes.mayUse('s7'), true)

  running.delete('s7')
  assert.equal(scopes.mayUse('one more'), true)
  scopes.use('one more')
  assert.equal(scopes.all.size, maxScopes + 1)
  assert.equal(scopes.all.has('s7'), false)
  assert.equal(scopes.total.value('messages'), maxScopes)
})
