import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietWaitMs } from './quiet-wait.ts'

test('a feed sleeps no longer than a tenth of what it has to be in time for, and never beyond a second', () => {
  const rest = (resolvedIntervalMs: number | undefined, minCheckpointMs: number, isJob = false): number =>
    quietWaitMs({ resolvedIntervalMs, minCheckpointMs, endTime: undefined }, isJob)
  assert.equal(rest(undefined, 0), 1000)
  assert.equal(rest(0, 0), 0)
  assert.equal(rest(1000, 0), 100)
  assert.equal(rest(10_000, 0), 1000)
  assert.equal(rest(0, 30_000, true), 1000)
  assert.equal(rest(undefined, 5000, true), 500)
  assert.equal(rest(undefined, 500, true), 50)
  assert.equal(rest(undefined, 0, true), 0)
})

test('a feed with an end time does not oversleep it', () => {
  const endTime = { wall: 1n, logical: 0 }
  assert.equal(quietWaitMs({ resolvedIntervalMs: undefined, minCheckpointMs: 0, endTime }, false), 0)
})
