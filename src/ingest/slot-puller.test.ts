import assert from 'node:assert/strict'
import test from 'node:test'
import { restAfter } from './slot-puller.ts'

test('after a pull the source rests for as long as the pull took, and for longer if it took long and brought little', () => {
  assert.equal(restAfter({ ms: 40, messages: 2 }), 40)
  assert.equal(restAfter({ ms: 240, messages: 2 }), 240)
  assert.equal(restAfter({ ms: 400, messages: 5000 }), 400)
  assert.equal(restAfter({ ms: 400, messages: 2 }), 1200)
  assert.equal(restAfter({ ms: 1500, messages: 2 }), 2000)
  assert.equal(restAfter({ ms: 8000, messages: 2 }), 8000)
})
