import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteWriter } from './byte-writer.ts'

test('what is written stands there in order, whatever the buffer was at first', () => {
  for (const initial of [1, 2, 7, 4096]) {
    const out = new ByteWriter(initial)
    out.u8(0x101)
    out.u16be(0x0203)
    out.u32be(0x84050607)
    out.latin1('a')
    out.utf8('é😀')
    out.copy(Buffer.from('xyz'), 1, 2)
    out.copy(Buffer.from('whole'))
    assert.equal(out.view().toString('hex'), '01020384050607' + '61c3a9f09f9880' + '79' + '77686f6c65')
    out.clear()
    assert.equal(out.view().length, 0)
  }
})

test('runs of any length are copied whole, from anywhere in their source', () => {
  const source = Buffer.from(Array.from({ length: 300 }, (_, i) => i & 255))
  const out = new ByteWriter(16)
  for (let length = 0; length <= 200; length++) {
    out.clear()
    out.u8(0xff)
    out.copy(source, 50, 50 + length)
    assert.deepEqual(out.view(), Buffer.concat([Buffer.from([0xff]), source.subarray(50, 50 + length)]))
  }
  out.clear()
  out.copy(source)
  assert.deepEqual(out.view(), source)
})
