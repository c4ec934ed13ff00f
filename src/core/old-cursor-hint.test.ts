import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oldCursorHint } from './old-cursor-hint.ts'

const at = (wall: bigint) => ({ wall, logical: 0 })

test('the date in the hint of a cursor that is too old is no earlier than the first cursor that is possible', () => {
  assert.equal(
    oldCursorHint({ cursor: at(1_769_860_000_000_000_000n), since: at(1_769_860_800_000_000_001n), why: 'so it is' }),
    'use a more recent cursor, of 2026-01-31T12:00:00.001Z or later: so it is; or leave cursor out, for a new initial scan',
  )
})

test('a cursor that was given in seconds is said to be too small a number', () => {
  assert.equal(
    oldCursorHint({ cursor: at(1_769_860_800n), since: undefined, why: 'so it is' }),
    'use a more recent cursor: so it is; or leave cursor out, for a new initial scan; a number as cursor counts nanoseconds since 1970',
  )
})
