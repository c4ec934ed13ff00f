// What a live tail keeps, however long its page is open.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keep, nothingKept, type Kept } from '../../console/src/tail/kept-lines.ts'
import type { TailLine } from '../../src/server/api/answers.ts'

const message = (key: string, length: number): TailLine => ({
  tag: 'message',
  table: 't',
  key,
  value: 'x'.repeat(length),
})

function keepAll(batches: readonly (readonly TailLine[])[]): Kept {
  return batches.reduce((kept, batch, i) => keep(kept, batch, i), nothingKept)
}

test('the newest 500 messages are kept, each with a number of its own, and all are counted', () => {
  const kept = keepAll(
    Array.from({ length: 300 }, (_, i) => [message(`[${2 * i}]`, 10), message(`[${2 * i + 1}]`, 10)]),
  )
  assert.deepEqual([kept.lines.length, kept.messages], [500, 600])
  const first = kept.lines[0]?.line
  assert.ok(first?.tag === 'message' && first.key === '[599]')
  assert.equal(new Set(kept.lines.map(({ number }) => number)).size, 500)
})

test('of long values fewer are kept, and the newest one in any case', () => {
  const kept = keepAll(Array.from({ length: 500 }, (_, i) => [message(`[${i}]`, 65_536)]))
  const characters = kept.lines.reduce(
    (sum, { line }) => sum + (line.tag === 'message' ? (line.value?.length ?? 0) : 0),
    0,
  )
  assert.ok(characters <= 4_000_000 && kept.lines.length > 50, `${kept.lines.length} lines, ${characters} characters`)
  assert.equal(keepAll([[message('[1]', 5_000_000)]]).lines.length, 1)
})

test('resolved messages are kept apart, and take the place of no other message', () => {
  const kept = keepAll([
    [message('[1]', 10)],
    ...Array.from({ length: 2000 }, (_, i): TailLine[] => [{ tag: 'resolved', at: `${i}.0000000000` }]),
  ])
  assert.deepEqual([kept.lines.length, kept.messages, kept.resolved.length], [1, 1, 50])
  assert.deepEqual(kept.resolved[0]?.line, { tag: 'resolved', at: '1999.0000000000' })
})
