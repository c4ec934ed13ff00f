import assert from 'node:assert/strict'
import test from 'node:test'
import { judgeSlot, type SlotFacts } from './source-check.ts'

const fine: SlotFacts = {
  confirmedLsn: 100n,
  walStatus: 'reserved',
  invalidationReason: null,
  plugin: 'pgoutput',
  activePid: null,
}

test('a slot at or behind the log continues it', () => {
  for (const confirmedLsn of [0n, 99n, 100n]) {
    assert.deepEqual(judgeSlot('s', { ...fine, confirmedLsn }, 100n), { tag: 'continue' })
  }
  assert.deepEqual(judgeSlot('s', { ...fine, walStatus: 'unreserved' }, 100n), { tag: 'continue' })
})

test('a new log gets a new slot, and nothing is missing', () => {
  assert.deepEqual(judgeSlot('s', undefined, 0n), { tag: 'recreate', drop: false, gap: undefined })
  assert.deepEqual(judgeSlot('s', fine, 0n), { tag: 'recreate', drop: true, gap: undefined })
})

test('a slot that is gone, lost or ahead is named as a gap', () => {
  const gone = judgeSlot('s', undefined, 100n)
  assert.ok(gone.tag === 'recreate' && !gone.drop)
  assert.match(gone.gap ?? '', /slot "s" does not exist any more: changes after 0\/64 are missing/)
  for (const lost of [
    { ...fine, walStatus: 'lost' },
    { ...fine, invalidationReason: 'idle_timeout' },
  ]) {
    const verdict = judgeSlot('s', lost, 100n)
    assert.ok(verdict.tag === 'recreate' && verdict.drop)
    assert.match(verdict.gap ?? '', /invalidated \((?:wal_removed|idle_timeout)\)/)
  }
  const ahead = judgeSlot('s', { ...fine, confirmedLsn: 101n }, 100n)
  assert.ok(ahead.tag === 'gap')
  assert.match(ahead.gap, /stands at 0\/65, beyond the changelog's end 0\/64/)
})
