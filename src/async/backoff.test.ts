import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff, backoffAfter } from './backoff.ts'

test('each wait is twice the last, up to the most, until something worked', () => {
  let mostMs = 5000
  const backoff = new Backoff(() => ({ firstMs: 1000, mostMs }))
  assert.deepEqual(
    [backoff.next(), backoff.next(), backoff.next(), backoff.next(), backoff.next()],
    [1000, 2000, 4000, 5000, 5000],
  )
  mostMs = 3000
  assert.equal(backoff.next(), 3000)
  backoff.reset()
  assert.deepEqual([backoff.next(), backoff.next()], [1000, 2000])
  mostMs = 500
  assert.equal(backoff.next(), 500)
})

test('whoever counts failures gets the same waits', () => {
  const options = { firstMs: 1000, mostMs: 5000 }
  const backoff = new Backoff(options)
  for (let failures = 1; failures <= 5; failures++) assert.equal(backoffAfter(failures, options), backoff.next())
})
