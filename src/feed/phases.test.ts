// In which phase a feed begins, and where in the log.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { specOf } from '../../test/support/spec-of.ts'
import { WrittenLog } from '../../test/support/written-log.ts'
import type { FeedTarget } from '../core/feed-spec.ts'
import type { FeedRun } from './feed-run.ts'
import { firstPhase, type Phase } from './phases.ts'

const [startTime, cursor, reached] = [7n, 5n, 9n].map((wall) => ({ wall, logical: 0 }))
assert.ok(startTime !== undefined && cursor !== undefined && reached !== undefined)
const scan = { at: cursor, tables: [{ relid: 1, file: 'f', done: [[0, 4]] }], fraction: 0.5 } as const

const target = (relid: number): FeedTarget => ({ relid, topic: `t${relid}`, tableName: `t${relid}` })

test('a feed begins with its scan, unless it has none or has completed it, and where an earlier run has stopped', async () => {
  using files = await WrittenLog.open()
  await files.writer.close()
  const { log } = files
  const { head, tail: startPosition } = log.status
  const first = (spec: Parameters<typeof specOf>[0], resume?: FeedRun['resume']): Phase =>
    firstPhase({
      spec: specOf(spec),
      log,
      startPosition,
      startTime,
      resume,
    })
  const following = { tag: 'following', highWater: reached } as const
  const at = { wall: 9n, logical: 1 }
  const passed = { ...following, passed: at }
  const backfill = { tag: 'backfill', at, scan: { ...scan, at } } as const
  const cases: readonly (readonly [Phase, Phase])[] = [
    [first({}), { tag: 'initial-scan', at: undefined, done: [], head }],
    [first({ cursor }), { tag: 'initial-scan', at: cursor, done: [], head }],
    [first({ initialScan: 'only' }), { tag: 'initial-scan', at: undefined, done: [], head }],
    [first({ initialScan: 'no' }), { tag: 'following', after: startTime, from: startPosition }],
    [first({ initialScan: 'no', cursor }), { tag: 'following', after: cursor, from: undefined }],
    [first({}, { tag: 'initial-scan', scan: undefined }), { tag: 'initial-scan', at: undefined, done: [], head }],
    [first({}, { tag: 'initial-scan', scan }), { tag: 'initial-scan', at: cursor, done: scan.tables, head }],
    [first({}, following), { tag: 'following', after: reached, from: undefined, passed: undefined }],
    [
      first({ initialScan: 'no', cursor }, following),
      { tag: 'following', after: reached, from: undefined, passed: undefined },
    ],
    [first({}, passed), { tag: 'following', after: reached, from: undefined, passed: at }],
    [
      first({ targets: [target(1), target(2)] }, backfill),
      { tag: 'backfill', at, tables: [target(1)], scan: backfill.scan },
    ],
    [first({ initialScan: 'only' }, following), { tag: 'ended' }],
  ]
  for (const [actual, expected] of cases) assert.deepEqual(actual, expected)
})
