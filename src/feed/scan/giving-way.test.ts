import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GivingWay } from './giving-way.ts'

test('a scan that finishes nothing before it gives way reads smaller ranges after longer pauses, within limits', () => {
  const givingWay = new GivingWay()
  const steps = Array.from({ length: 12 }, () => {
    givingWay.gaveWay(false)
    return [givingWay.chunkPages, givingWay.pauseMs]
  })
  assert.deepEqual(steps.slice(0, 3), [
    [256, 200],
    [64, 400],
    [16, 800],
  ])
  assert.deepEqual(steps.at(-1), [4, 5000])
  for (let i = 0; i < 8; i++) givingWay.gaveWay(true)
  assert.deepEqual([givingWay.chunkPages, givingWay.pauseMs], [1024, 100])
})
