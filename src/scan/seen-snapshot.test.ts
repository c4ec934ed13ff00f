import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isVisible, readSnapshot } from './seen-snapshot.ts'

test('a snapshot shows what was over when it was taken', () => {
  const snapshot = readSnapshot('100:110:100,105')
  const shown = Array.from({ length: 20 }, (_, i) => 95 + i).filter((xid) => isVisible(snapshot, xid))
  assert.deepEqual(shown, [95, 96, 97, 98, 99, 101, 102, 103, 104, 106, 107, 108, 109])
  assert.equal(isVisible(readSnapshot('7:7:'), 6), true)
  assert.equal(isVisible(readSnapshot('7:7:'), 7), false)
})

test('the id of a transaction is taken for the one that is near to the snapshot, also where ids have begun anew', () => {
  const epoch = 5n << 32n
  const snapshot = readSnapshot(`${epoch - 2n}:${epoch + 10n}:${epoch - 2n},${epoch + 3n}`)
  assert.equal(isVisible(snapshot, 2 ** 32 - 3), true)
  assert.equal(isVisible(snapshot, 2 ** 32 - 2), false)
  assert.equal(isVisible(snapshot, 2 ** 32 - 1), true)
  assert.equal(isVisible(snapshot, 3), false)
  assert.equal(isVisible(snapshot, 4), true)
  assert.equal(isVisible(snapshot, 10), false)
  assert.equal(isVisible(readSnapshot(`${epoch - 9n}:${epoch - 5n}:`), 3), false)
})
