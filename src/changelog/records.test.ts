import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  beginBytes,
  closedBytes,
  commitBytes,
  commitMicrosOf,
  lsnOf,
  record,
  timestampOf,
  truncatedRelations,
  writeBegin,
  writeClosed,
  writeCommit,
  xidOf,
} from './records.ts'

const ts = { wall: 0x0102_0304_0506_0708n, logical: 0x090a_0b0c }
const point = '0102030405060708090a0b0c1112131415161718'

test('records lie in bytes as they always did, and are read back', () => {
  const begin = Buffer.alloc(1 + beginBytes)
  writeBegin(ts, 0x1112_1314_1516_1718n, 0xfffffff0, -2n, begin, 1)
  assert.equal(begin.toString('hex', 1), `42${point}fffffff0fffffffffffffffe`)
  assert.deepEqual(
    [timestampOf(begin, 1), lsnOf(begin, 1), xidOf(begin, 1), commitMicrosOf(begin, 1)],
    [ts, 0x1112_1314_1516_1718n, 0xfffffff0, -2n],
  )
  const closed = Buffer.alloc(closedBytes)
  writeClosed(ts, 0x1112_1314_1516_1718n, closed, 0)
  assert.equal(closed.toString('hex'), `58${point}`)
  assert.deepEqual([timestampOf(closed, 0), lsnOf(closed, 0)], [ts, 0x1112_1314_1516_1718n])
  const commit = Buffer.alloc(commitBytes)
  writeCommit(0xffff_ffff_ffff_fff0n, commit, 0)
  assert.equal(commit.toString('hex'), '43fffffffffffffff0')
})

test('a truncate names its relations; one of another length is refused', () => {
  const bytes = Buffer.from([record.truncate, 0, 0, 0, 2, 1, 0, 0, 0, 7, 255, 255, 255, 240])
  const around = Buffer.concat([Buffer.from('front'), bytes, Buffer.from('behind')])
  assert.deepEqual(truncatedRelations(around, 5, 5 + bytes.length), [7, 0xfffffff0])
  for (let length = 1; length < bytes.length; length++)
    assert.throws(() => truncatedRelations(around, 5, 5 + length), { code: 'FEED_DECODE' })
})
