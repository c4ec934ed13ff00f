import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ClockProbes, SourceClock } from './clock-probe.ts'

test('a source that is slow to answer is told of once, and again when it has answered', async () => {
  const told: string[] = []
  const answer = Promise.withResolvers<string[][]>()
  const probes = new ClockProbes({
    control: { query: () => answer.promise },
    clock: new SourceClock(),
    slow: ({ message }) => told.push(message),
    again: () => told.push('again'),
    slowAfterMs: 20,
  })
  const asked = probes.ask(false)
  assert.equal(await probes.ask(false), undefined)
  // The limit of this test for "slow" is 20 ms.
  await delay(100)
  assert.deepEqual(told, ['PostgreSQL has not answered for 0.02 s'])
  answer.resolve([['0/10', '7']])
  assert.equal((await asked)?.micros, 7n)
  assert.deepEqual(told.slice(1), ['again'])
})
