import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatHlc, maxLogical, type Hlc } from '../../core/hlc.ts'
import { TimestampText } from './timestamp-text.ts'

test('the text is that of formatHlc, in any order of timestamps', () => {
  const text = new TimestampText()
  const walls = [
    0n,
    1n,
    999_999_999n,
    1_000_000_000n,
    1_795_783_178_091_570_000n,
    1_795_783_178_999_999_999n,
    1_795_783_178_000_000_000n,
    1_795_783_179_000_000_001n,
    1_795_783_178_999_999_999n,
    12_345_678_901n,
    9_223_372_036_854_775_807n,
  ]
  for (const wall of [...walls, ...walls.toReversed()]) {
    for (const logical of [0, 1, 10, 1_234_567_890, maxLogical]) {
      const at: Hlc = { wall, logical }
      assert.equal(text.of(at).toString(), formatHlc(at))
    }
  }
})
