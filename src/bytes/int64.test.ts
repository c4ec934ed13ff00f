import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readInt64, readUint64, writeInt64, writeUint64 } from './int64.ts'

const signed = [0n, 1n, -1n, 0x7fffffffffffffffn, -0x8000000000000000n, 1_795_783_178_091_570_000n]

test('what Buffer writes is read, and what is written Buffer reads, at any place of any buffer', () => {
  for (const size of [64, 100_000]) {
    // Small buffers are parts of one that others share.
    const buffers = [Buffer.alloc(size), Buffer.alloc(size)]
    for (const [i, value] of signed.entries()) {
      const bytes = buffers[i % 2] as Buffer
      bytes.writeBigInt64BE(value, 3)
      assert.equal(readInt64(bytes, 3), value)
      assert.equal(readUint64(bytes, 3), BigInt.asUintN(64, value))
      assert.equal(writeInt64(value, bytes, 17), 25)
      assert.equal(bytes.readBigInt64BE(17), value)
      assert.equal(writeUint64(BigInt.asUintN(64, value), bytes, 30), 38)
      assert.equal(bytes.readBigInt64BE(30), value)
    }
  }
})
