// What retention takes from a changelog, and what readers hear of it.

import assert from 'node:assert/strict'
import test from 'node:test'
import { FeedError } from '../../errors/feed-error.ts'
import { logStart, type Position } from '../changelog.ts'
import { openFiles } from './open-files.ts'
import { recoverLog } from './recover.ts'
import { applyRetention, planRetention } from './retention.ts'
import { listSegments } from './segment.ts'
import { Log, blocks } from '../../../test/support/log-under-test.ts'

test('a reader that retention overtakes says so instead of skipping', async () => {
  await using log = new Log(1024)
  log.transaction(1, ['first'])
  await log.writer.flush()
  using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(logStart)
  assert.ok(reader.next())
  for (let i = 0; i < 20; i++) {
    log.transaction(1, ['z'.repeat(400)])
    await log.writer.flush()
  }
  applyRetention(log.dir, log.head, Date.now(), { retentionMs: 1e9, maxBytes: 1, pins: [] })
  assert.throws(
    () => blocks(reader),
    (error) => error instanceof FeedError && error.code === 'FEED_FELL_BEHIND',
  )
})

test('retention goes by age unless pinned, by size always, and never takes the newest segment', () => {
  const segments = [0, 10, 20, 30].map((start) => ({ start, path: '', bytes: 10, modifiedMs: start }))
  const plan = (nowMs: number, retentionMs: number, maxBytes: number, pins: Position[], head = 35): number[] =>
    planRetention(segments, nowMs, { retentionMs, maxBytes, pins, head }).map(({ start }) => start)
  assert.deepEqual(plan(100, 1000, 1000, []), [])
  assert.deepEqual(plan(100, 85, 1000, []), [0, 10])
  assert.deepEqual(plan(100, 85, 1000, [12 as Position]), [0])
  assert.deepEqual(plan(100, 1000, 25, [5 as Position]), [0, 10])
  assert.deepEqual(plan(1e9, 1, 1, []), [0, 10, 20])
  // Written behind the durable head: the beginning of a transaction larger than the cap.
  assert.deepEqual(plan(1e9, 1, 1, [], 15), [0])
  assert.deepEqual(plan(1e9, 1, 1, [], 20), [0])
})

test('a transaction larger than the cap of the log takes nothing with it that a restart needs', async () => {
  await using log = new Log(1024)
  log.transaction(1, ['durable'])
  await log.writer.flush()
  log.begin()
  for (let i = 0; i < 8; i++) log.insert(1, 'x'.repeat(300_000))
  await log.writer.flush()
  assert.ok(listSegments(log.dir).length > 3)
  applyRetention(log.dir, log.head, Date.now(), { retentionMs: 0, maxBytes: 1, pins: [] })
  assert.equal(recoverLog(log.dir).endLsn, 115n)
})
