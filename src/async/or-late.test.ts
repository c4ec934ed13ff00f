import assert from 'node:assert/strict'
import { test } from 'node:test'
import { late, orLate } from './or-late.ts'

test('work that is over in time gives its result or its error', async () => {
  assert.equal(await orLate(Promise.resolve(1), 60_000), 1)
  await assert.rejects(orLate(Promise.reject(new Error('no')), 60_000), /no/)
})

test('work that takes too long is late', async () => {
  assert.equal(await orLate(new Promise<void>(() => undefined), 1), late)
})
