import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SlotNow } from '../../ingest/slot-gauge.ts'
import { slotProblem } from './slot-problem.ts'

const slot: SlotNow = {
  slot: 'pg_changefeed_5',
  walStatus: 'extended',
  retainedBytes: 3 * 1024 * 1024,
  safeBytes: 1,
  walEnd: 0n,
  clockMs: 0,
  ageMs: 0,
  secondsLeft: undefined,
}

test('a slot that lasts is no problem', () => {
  assert.equal(slotProblem(undefined), undefined)
  assert.equal(slotProblem(slot), undefined)
  assert.equal(slotProblem({ ...slot, secondsLeft: 3600 }), undefined)
})

test('a slot with less than an hour left, or that PostgreSQL does not reserve any more, is one', () => {
  assert.equal(
    slotProblem({ ...slot, secondsLeft: 1800 })?.error,
    'replication slot "pg_changefeed_5" keeps 3 MiB of write-ahead log, and at the present rate is lost in 30 minutes',
  )
  assert.match(
    slotProblem({ ...slot, secondsLeft: 3480, ageMs: 200_000 })?.error ?? '',
    /in 58 minutes \(read 200 s ago\)$/,
  )
  assert.match(slotProblem({ ...slot, walStatus: 'unreserved' })?.error ?? '', /at its next checkpoint$/)
})
