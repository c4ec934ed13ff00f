import assert from 'node:assert/strict'
import test from 'node:test'
import { judgeSlot, type LogFacts, type SlotFacts, type SlotVerdict, type WalFacts } from './source-check.ts'

const fine: SlotFacts = {
  confirmedLsn: 100n,
  walStatus: 'reserved',
  invalidationReason: null,
  plugin: 'pgoutput',
  readerPid: null,
}

/** A log that holds everything up to 100 (or `log.durableEnd`), and a source that goes on. */
function judge(slot: SlotFacts | undefined, log: Partial<LogFacts> = {}, wal: Partial<WalFacts> = {}): SlotVerdict {
  return judgeSlot(
    's',
    slot,
    { end: 1000n, leftAt: undefined, ...wal },
    { durableEnd: 100n, last: { tag: 'none' }, damage: undefined, distrust: undefined, isSlotOurs: true, ...log },
  )
}

function gapOf(verdict: SlotVerdict): string {
  return verdict.tag === 'continue' || verdict.tag === 'stand-by' ? '' : (verdict.gap ?? '')
}

test('a slot at or behind the log continues it', () => {
  for (const confirmedLsn of [0n, 99n, 100n]) {
    assert.deepEqual(judge({ ...fine, confirmedLsn }), { tag: 'continue' })
  }
  assert.deepEqual(judge({ ...fine, walStatus: 'unreserved' }), { tag: 'continue' })
  assert.deepEqual(judge(fine, {}, { end: 100n }), { tag: 'continue' })
})

test('a new log gets a new slot, and nothing is missing', () => {
  assert.deepEqual(judge(undefined, { durableEnd: 0n }), { tag: 'recreate', drop: false, gap: undefined })
  assert.deepEqual(judge(fine, { durableEnd: 0n, distrust: 'x' }), { tag: 'recreate', drop: true, gap: undefined })
})

test('a slot that another server may need is never dropped for a new log', () => {
  const lost = { ...fine, walStatus: 'lost' }
  for (const slot of [fine, { ...fine, readerPid: 7 }, lost])
    assert.deepEqual(judge(slot, { durableEnd: 0n, isSlotOurs: false }), { tag: 'stand-by' })
})

test('a slot that is gone, lost, foreign or ahead is named as a gap', () => {
  const gone = judge(undefined)
  assert.ok(gone.tag === 'recreate' && !gone.drop)
  assert.match(gone.gap ?? '', /slot "s" does not exist any more: changes after 0\/64 are missing/)
  for (const lost of [
    { ...fine, walStatus: 'lost' },
    { ...fine, walStatus: 'lost', invalidationReason: 'wal_removed' },
    { ...fine, invalidationReason: 'idle_timeout' },
    { ...fine, invalidationReason: 'of_tomorrow' },
    { ...fine, plugin: 'test_decoding' },
  ]) {
    const verdict = judge(lost)
    assert.ok(verdict.tag === 'recreate' && verdict.drop)
    assert.match(
      verdict.gap ?? '',
      /invalidated \((?:wal_removed: .* max_slot_wal_keep_size .*|idle_timeout: .* idle_replication_slot_timeout|of_tomorrow)\): changes|for plugin "test_decoding"/,
    )
  }
  const ahead = judge({ ...fine, confirmedLsn: 101n })
  assert.ok(ahead.tag === 'gap')
  assert.match(ahead.gap, /stands at 0\/65, beyond the changelog's end 0\/64/)
})

test('a damaged log is the reason for what is missing behind its readable end, and for nothing else', () => {
  const damage = '/log/0.log: the block at position 7 fails its checksum'
  assert.match(gapOf(judge({ ...fine, confirmedLsn: 101n }, { damage })), /changelog is damaged \(.*position 7/)
  assert.deepEqual(judge(fine, { damage }), { tag: 'continue' })
})

test('a source that was turned back is a gap, on the same timeline or on another one', () => {
  assert.match(gapOf(judge({ ...fine, confirmedLsn: 50n }, {}, { end: 99n })), /restored from a backup/)
  assert.match(gapOf(judge({ ...fine, confirmedLsn: 50n }, {}, { leftAt: 99n })), /up to 0\/63 only.*promoted/)
  assert.match(gapOf(judge(fine, {}, { leftAt: 0n })), /promoted/)
  assert.deepEqual(judge(fine, {}, { leftAt: 100n }), { tag: 'continue' })
})

test('what was published behind our back is a gap with its reason', () => {
  assert.equal(gapOf(judge(fine, { distrust: 'the publication lost t' })), 'the publication lost t')
})
