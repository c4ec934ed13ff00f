// What is written to a changelog and flushed is read back, in blocks and segments, by readers that wait.

import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { logStart } from '../changelog.ts'
import { openFiles } from './open-files.ts'
import { applyRetention } from './retention.ts'
import { listSegments } from './segment.ts'
import { Log, texts, blocks, allTexts } from '../../../test/support/log-under-test.ts'

test('what was flushed is read back, what was not is not seen', async () => {
  await using log = new Log()
  log.transaction(1, ['a', 'b'])
  assert.deepEqual(allTexts(log.dir, log.head), [])
  await log.writer.flush()
  assert.deepEqual(allTexts(log.dir, log.head), ['a', 'b'])
  log.transaction(1, ['c'])
  assert.deepEqual(allTexts(log.dir, log.head), ['a', 'b'])
})

test('a flush in the middle of a transaction shows the complete ones only, and loses nothing of the open one', async () => {
  await using log = new Log()
  log.transaction(1, ['a'])
  const ts = log.begin()
  log.insert(1, 'b')
  await log.writer.flush()
  assert.deepEqual(allTexts(log.dir, log.head), ['a'])
  log.insert(1, 'c')
  log.writer.commit(log.lsn + 5n)
  await log.writer.flush()
  assert.deepEqual(allTexts(log.dir, log.head), ['a', 'b', 'c'])
  assert.equal(compareHlc(log.writer.lastTimestamp, ts), 0)
})

test('nothing but its own records is written while a transaction is open', async () => {
  await using log = new Log()
  const ts = log.begin()
  const later = { wall: ts.wall + 1n, logical: 0 }
  assert.throws(() => log.writer.gap(later, log.lsn, 'lost'), { code: 'FEED_BUG' })
  assert.throws(() => log.writer.closed(later, log.lsn), { code: 'FEED_BUG' })
  assert.throws(() => log.writer.begin(later, log.lsn, 8, 0n), { code: 'FEED_BUG' })
})

test('a transaction over many blocks and segments becomes readable as a whole', async () => {
  await using log = new Log(512 * 1024)
  const ts = log.begin()
  const rows = Array.from({ length: 3000 }, (_, i) => `${i}${'x'.repeat(1000)}`)
  for (const row of rows) log.insert(1, row)
  await log.writer.flush()
  assert.deepEqual(allTexts(log.dir, log.head), [])
  log.writer.commit(log.lsn + 5n)
  await log.writer.flush()
  assert.deepEqual(allTexts(log.dir, log.head), rows)
  using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(logStart)
  const open = blocks(reader).filter(({ block }) => block.open !== undefined)
  assert.ok(open.length > 5)
  assert.ok(open.every(({ block }) => compareHlc((block.open as { ts: Hlc }).ts, ts) === 0))
  assert.ok(listSegments(log.dir).length > 2)
})

test('a full block ends with a whole transaction, and only one that is larger than a block is cut', async () => {
  await using log = new Log()
  const small = Array.from({ length: 20 }, (_, i) => `${i}${'s'.repeat(1000)}`)
  const large = Array.from({ length: 600 }, (_, i) => `${i}${'l'.repeat(1000)}`)
  const written: string[] = []
  for (let i = 0; i < 60; i++) {
    const rows = i === 30 ? large : small
    log.transaction(1, rows)
    written.push(...rows)
  }
  await log.writer.flush()
  assert.deepEqual(allTexts(log.dir, log.head), written)
  using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(logStart)
  const found = blocks(reader)
  const cut = found.filter(({ block }) => block.continues)
  assert.ok(found.length > 5, `${found.length} blocks`)
  assert.equal(cut.length, 2)
  assert.ok(cut.every((entry) => entry.texts.every((text) => text.includes('l'))))
})

test('headers name the relations of a block, and readAt gives a block again', async () => {
  await using log = new Log()
  log.transaction(5, ['five'])
  await log.writer.flush()
  log.transaction(6, ['six'])
  await log.writer.flush()
  using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(logStart)
  const found = blocks(reader).filter((entry) => entry.texts.length > 0)
  assert.deepEqual(
    found.map(({ block }) => [block.mentions(5), block.mentions(6)]),
    [
      [true, false],
      [false, true],
    ],
  )
  assert.deepEqual(texts(reader.readAt(found[0]?.block.position ?? logStart).payload()), ['five'])
})

test('readAfter starts at or before the first transaction above the cursor, and refuses what is gone', async () => {
  await using log = new Log(2048)
  const stamps: Hlc[] = []
  for (let i = 0; i < 40; i++) {
    stamps.push(log.transaction(1, [`${i}${'y'.repeat(200)}`]))
    await log.writer.flush()
  }
  const changelog = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared })
  for (const [i, ts] of stamps.entries()) {
    using reader = changelog.readAfter(ts)
    const seen = blocks(reader).flatMap((entry) => entry.texts)
    assert.ok(i === stamps.length - 1 || seen.some((text) => text.startsWith(`${i + 1}y`)))
  }
  const removed = applyRetention(log.dir, log.head, Date.now(), { retentionMs: 1e9, maxBytes: 6000, pins: [logStart] })
  assert.ok(removed > 0)
  assert.throws(
    () => changelog.readAfter(stamps[0] as Hlc),
    (error) =>
      error instanceof FeedError &&
      error.code === 'FEED_CURSOR_TOO_OLD' &&
      /older than the GC threshold/.test(error.message) &&
      /^use a more recent cursor, of \d{4}-\S+Z or later: .*changefeed\.changelog\.retention, .*; or leave cursor out/.test(
        error.hint ?? '',
      ),
  )
  assert.ok(log.head.tail > 0)
})

test('a waiting reader wakes when something becomes readable, and when it is aborted', async () => {
  await using log = new Log()
  using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(logStart)
  blocks(reader)
  const woken = reader.wait(AbortSignal.timeout(5000))
  log.transaction(1, ['a'])
  await log.writer.flush()
  await woken
  assert.deepEqual(
    blocks(reader).flatMap((entry) => entry.texts),
    ['a'],
  )
  const abort = new AbortController()
  const waiting = reader.wait(abort.signal)
  abort.abort()
  await waiting
})

test('a reader that may be late sleeps through closed timestamps, and not through a transaction', async () => {
  await using log = new Log()
  using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(logStart)
  blocks(reader)
  let isAwake = false
  const sleeping = reader.wait(AbortSignal.timeout(20_000), { ms: 10_000, tables: [1] }).then(() => (isAwake = true))
  const startedAtMs = performance.now()
  for (let i = 0; i < 3; i++) {
    log.writer.closed({ wall: 1n + BigInt(i), logical: 0 }, log.writer.endLsn)
    await log.writer.flush()
    await nextTurn()
    assert.equal(isAwake, false)
  }
  log.transaction(1, ['a'])
  await log.writer.flush()
  await sleeping
  assert.ok(performance.now() - startedAtMs < 10_000)
  assert.deepEqual(
    blocks(reader).flatMap((entry) => entry.texts),
    ['a'],
  )
  // With nothing but time it wakes when it may be late no longer.
  log.writer.closed({ wall: 30n, logical: 0 }, log.writer.endLsn)
  await log.writer.flush()
  await reader.wait(AbortSignal.timeout(20_000), { ms: 50, tables: [1] })
  assert.deepEqual(
    blocks(reader).map((entry) => entry.texts),
    [[]],
  )
})

test('a log knows nothing from before its first block: an older cursor is refused, not answered with silence', async () => {
  await using log = new Log()
  log.writer.closed({ wall: 1000n, logical: 0 }, 100n)
  await log.writer.flush()
  log.wall = 1000n
  log.transaction(1, ['a'])
  await log.writer.flush()
  const changelog = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared })
  assert.equal(changelog.startOf({ wall: 999n, logical: 0 }), undefined)
  assert.throws(
    () => changelog.readAfter({ wall: 999n, logical: 0 }),
    (error) => error instanceof FeedError && error.code === 'FEED_CURSOR_TOO_OLD' && error.message.endsWith('1000'),
  )
  using reader = changelog.readAfter({ wall: 1000n, logical: 0 })
  assert.deepEqual(
    blocks(reader).flatMap((entry) => entry.texts),
    ['a'],
  )
})

test('whoever waits at the end of a log hears that nobody writes it any more', async () => {
  await using log = new Log()
  log.transaction(1, ['a'])
  await log.writer.flush()
  using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(logStart)
  blocks(reader)
  const waiting = reader.wait(AbortSignal.timeout(5000))
  log.head.fail('the disk is gone')
  await waiting
  assert.throws(() => reader.next(), { code: 'FEED_LOG_STOPPED', message: /not written any more: the disk is gone/ })
  log.head.fail(undefined)
  assert.equal(reader.next(), undefined)
})
