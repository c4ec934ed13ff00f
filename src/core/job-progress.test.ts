import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextHlc, type Hlc } from './hlc.ts'
import { hasAdvanced, highWaterOf, type JobProgress, type ScanProgress } from './job-progress.ts'

const before: Hlc = { wall: 5n, logical: 0 }
const change = nextHlc(before)
const later: Hlc = { wall: 6n, logical: 0 }
const scanOf = (fraction: number): ScanProgress => ({ at: change, tables: [], fraction })

test('a progress has advanced if more is delivered, in whichever phase, and not otherwise', () => {
  const inOrder: readonly JobProgress[] = [
    { tag: 'initial-scan', scan: undefined },
    { tag: 'initial-scan', scan: scanOf(0.5) },
    { tag: 'following', highWater: before },
    { tag: 'backfill', at: change, scan: scanOf(0.2) },
    { tag: 'backfill', at: change, scan: scanOf(0.7) },
    { tag: 'following', highWater: before, passed: change },
    { tag: 'following', highWater: change },
    { tag: 'backfill', at: nextHlc(later), scan: scanOf(0) },
    { tag: 'backfill', at: nextHlc(later), scan: scanOf(0.1) },
  ]
  for (const [i, was] of inOrder.entries()) {
    for (const [j, is] of inOrder.entries()) assert.equal(hasAdvanced(was, is), j > i, `${i} to ${j}`)
  }
})

test('the high-water mark of a backfill is the time just before the schema change', () => {
  assert.deepEqual(highWaterOf({ tag: 'backfill', at: change, scan: scanOf(0.5) }), before)
})
