import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partitionOf } from './partitioner.ts'

/** The same in 64-bit arithmetic. */
function slow(key: Buffer, partitions: number): number {
  let hash = 2166136261n
  for (const byte of key) hash = ((hash ^ BigInt(byte)) * 16777619n) & 0xffffffffn
  const signed = BigInt.asIntN(32, hash)
  const rest = Number(signed % BigInt(partitions))
  return rest < 0 ? -rest : rest
}

test('keys belong to the partitions that the reference arithmetic computes', () => {
  for (const partitions of [1, 2, 3, 7, 12, 100]) {
    for (let i = 0; i < 200; i++) {
      const key = Buffer.from(`[${i}, "key ${i * 7919}"]`)
      assert.equal(partitionOf(key, 0, key.length, partitions), slow(key, partitions))
    }
  }
})

test('known hashes: FNV-1a of nothing, "a" and "foobar"', () => {
  // 0x811c9dc5, 0xe40c292c, 0xbf9cf968 as signed numbers.
  const expected: readonly [string, number][] = [
    ['', Math.abs(-2128831035 % 1000)],
    ['a', Math.abs(-468965076 % 1000)],
    ['foobar', Math.abs(-1080231576 % 1000)],
  ]
  for (const [text, partition] of expected) {
    const key = Buffer.from(text)
    assert.equal(partitionOf(key, 0, key.length, 1000), partition)
  }
})

test('the partition depends on the key alone, wherever it is in the buffer', () => {
  const bytes = Buffer.from('xx[42]yy')
  const key = Buffer.from('[42]')
  assert.equal(partitionOf(bytes, 2, 6, 17), partitionOf(key, 0, 4, 17))
})
