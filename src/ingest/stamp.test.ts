import assert from 'node:assert/strict'
import test from 'node:test'
import { compareHlc, wallOfPgMicros, type Hlc } from '../core/hlc.ts'
import { stampClosed, stampTransaction } from './stamp.ts'

const micros = 843_000_000_000_000n
const wall = wallOfPgMicros(micros)

test('a transaction carries its commit time', () => {
  assert.deepEqual(stampTransaction({ wall: wall - 1000n, logical: 7 }, micros), { wall, logical: 0 })
})

test('a commit time that does not come after the last timestamp becomes the next timestamp', () => {
  assert.deepEqual(stampTransaction({ wall, logical: 0 }, micros), { wall, logical: 1 })
  assert.deepEqual(stampTransaction({ wall: wall + 5000n, logical: 2 }, micros), { wall: wall + 5000n, logical: 3 })
})

test('timestamps grow whatever the commit times do', () => {
  let state = 99
  let last: Hlc = { wall: 0n, logical: 0 }
  for (let i = 0; i < 10_000; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const commit = micros + BigInt(i) + BigInt(state % 4000) - 2000n
    const ts = state % 7 === 0 ? stampClosed(last, commit, state % 3) : stampTransaction(last, commit)
    assert.ok(state % 7 === 0 ? compareHlc(ts, last) >= 0 : compareHlc(ts, last) > 0)
    last = ts
  }
})

test('a closed timestamp trails the clock by the target and never runs backwards', () => {
  assert.deepEqual(stampClosed({ wall: 0n, logical: 0 }, micros, 100), { wall: wall - 100_000_000n, logical: 0 })
  assert.deepEqual(stampClosed({ wall: 0n, logical: 0 }, micros, 0), { wall, logical: 0 })
  assert.deepEqual(stampClosed({ wall, logical: 4 }, micros, 100), { wall, logical: 4 })
})
