import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grown } from './grow.ts'

test('a column keeps its type and its numbers, and has room for as many more', () => {
  assert.deepEqual(grown(Uint16Array.of(1, 65_535)), Uint16Array.of(1, 65_535, 0, 0))
  assert.deepEqual(grown(Float64Array.of(0.5), 3), Float64Array.of(0.5, 0, 0))
  assert.deepEqual(grown(BigUint64Array.of(2n ** 63n)), BigUint64Array.of(2n ** 63n, 0n))
})
