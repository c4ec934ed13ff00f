import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff } from './backoff.ts'

test('each wait is twice the last, up to the most, until something worked', () => {
  const backoff = new Backoff({ firstMs: 1000, mostMs: 5000 })
  assert.deepEqual(
    [backoff.next(), backoff.next(), backoff.next(), backoff.next(), backoff.next()],
    [1000, 2000, 4000, 5000, 5000],
  )
  backoff.reset()
  assert.equal(backoff.next(), 1000)
})
