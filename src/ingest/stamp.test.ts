import assert from 'node:assert/strict'
import test from 'node:test'
import { compareHlc, wallOfPgMicros, type Hlc } from '../core/hlc.ts'
import { SourceClock } from './clock-probe.ts'
import { stampClosed, stampTransaction } from './stamp.ts'

const micros = 843_000_000_000_000n
const wall = wallOfPgMicros(micros)

test('a transaction carries its commit time', () => {
  assert.deepEqual(stampTransaction({ wall: wall - 1000n, logical: 7 }, micros, micros), { wall, logical: 0 })
})

test('a commit time that does not come after the last timestamp becomes the next timestamp', () => {
  assert.deepEqual(stampTransaction({ wall, logical: 0 }, micros, micros), { wall, logical: 1 })
  assert.deepEqual(stampTransaction({ wall: wall + 5000n, logical: 2 }, micros, micros), {
    wall: wall + 5000n,
    logical: 3,
  })
})

test('timestamps grow whatever the commit times do', () => {
  let state = 99
  let last: Hlc = { wall: 0n, logical: 0 }
  for (let i = 0; i < 10_000; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const commit = micros + BigInt(i) + BigInt(state % 4000) - 2000n
    const ts =
      state % 7 === 0 ? stampClosed(last, commit, state % 3) : stampTransaction(last, commit, micros + BigInt(i))
    assert.ok(state % 7 === 0 ? compareHlc(ts, last) >= 0 : compareHlc(ts, last) > 0)
    last = ts
  }
})

test('commit times from elsewhere, however far, do not take the log beyond the clock', () => {
  const last = { wall: wall - 1000n, logical: 0 }
  for (const far of [20_000_000n, 8_600_000_000_000_000n, 9_000_000_000_000_000_000n])
    assert.deepEqual(stampTransaction(last, micros + far, micros), { wall, logical: 0 })
  for (const old of [0n, -946_684_800_000_000n, -200_000_000_000_000_000n])
    assert.deepEqual(stampTransaction(last, old, micros), { wall: wall - 1000n, logical: 1 })
})

test('a clock that jumps both ways never takes a timestamp back, and time goes on being closed', () => {
  const hour = 3_600_000_000n
  let last: Hlc = { wall: 0n, logical: 0 }
  let highest = 0n
  for (const [i, jump] of [0n, hour, -2n * hour, -hour, 5n * hour, 0n].entries()) {
    const now = micros + jump + BigInt(i)
    if (wallOfPgMicros(now) > highest) highest = wallOfPgMicros(now)
    const ts = stampTransaction(last, now, now)
    assert.ok(compareHlc(ts, last) > 0)
    const closed = stampClosed(ts, now, 0)
    assert.ok(compareHlc(closed, ts) >= 0)
    assert.ok(now > 0n && closed.wall <= highest, 'nothing runs ahead of the latest the clock has shown')
    const again = stampClosed(closed, now + 1n, 0)
    assert.ok(compareHlc(again, closed) > 0)
    last = again
    if (again.wall > highest) highest = again.wall
  }
})

test('the clock of the source goes on between two askings, and may be set', () => {
  let ms = 10
  const clock = new SourceClock(() => ms)
  const answered = clock.asking()
  ms = 12
  answered(1000n)
  assert.equal(clock.now, 3000n, 'it is at least what the source shows by now')
  ms = 15
  clock.asking()(-5000n)
  assert.equal(clock.now, -5000n)
})

test('an old reading of the clock is enough for what is older still, until the clock was set', () => {
  let ms = 0
  const clock = new SourceClock(() => ms)
  clock.asking()(1000n)
  ms = 5
  assert.equal(clock.readFor(900n), 1000n)
  assert.equal(clock.readFor(2000n), 6000n)
  assert.equal(clock.readFor(5999n), 6000n)
  clock.asking()(-5000n)
  assert.equal(clock.readFor(900n), -5000n)
})

test('a closed timestamp trails the clock by the target and never runs backwards', () => {
  assert.deepEqual(stampClosed({ wall: 0n, logical: 0 }, micros, 100), { wall: wall - 100_000_000n, logical: 0 })
  assert.deepEqual(stampClosed({ wall: 0n, logical: 0 }, micros, 0), { wall, logical: 0 })
  assert.deepEqual(stampClosed({ wall, logical: 4 }, micros, 100), { wall, logical: 4 })
})
