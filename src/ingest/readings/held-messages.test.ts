import assert from 'node:assert/strict'
import test from 'node:test'
import { HeldMessages } from './held-messages.ts'

test('messages come back in their order, from where the reader stopped, also when the buffer grows meanwhile', () => {
  const held = new HeldMessages()
  const push = (n: number): void => {
    const bytes = Buffer.from(`........${String(n).repeat(500)}<`)
    bytes.writeBigUInt64BE(BigInt(n), 0)
    held.push(bytes, 8, bytes.length - 1, 0)
  }
  const taken: number[] = []
  const take = (until: number): void =>
    held.drain((bytes, start, end, lsnAt) => {
      const lsn = Number(bytes.readBigUInt64BE(lsnAt))
      if (lsn > until) return false
      assert.equal(bytes.toString('utf8', start, end), String(lsn).repeat(500))
      taken.push(lsn)
      return true
    })
  for (let n = 0; n < 100; n++) push(n)
  take(41)
  for (let n = 100; n < 1000; n++) push(n)
  assert.ok(!held.isEmpty && held.bytes > 958 * 500)
  take(1000)
  assert.ok(held.isEmpty)
  assert.deepEqual(
    taken,
    Array.from({ length: 1000 }, (_, n) => n),
  )
  push(7)
  take(7)
  assert.equal(taken.at(-1), 7)
})
