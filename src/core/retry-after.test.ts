import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retryAfterMs } from './retry-after.ts'

test('Retry-After is a number of seconds or a date', () => {
  const nowMs = Date.parse('2026-01-01T00:00:00Z')
  assert.equal(retryAfterMs('120', nowMs), 120_000)
  assert.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:30 GMT', nowMs), 30_000)
  assert.equal(retryAfterMs('Wed, 31 Dec 2025 00:00:30 GMT', nowMs), 0)
  for (const text of [undefined, null, '', 'soon', '-1', '1.5']) assert.equal(retryAfterMs(text, nowMs), undefined)
})
