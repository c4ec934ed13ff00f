import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { logStart, type LogBlock, type LogReader, type Position } from '../changelog.ts'
import { record } from '../records.ts'
import { LogHead } from './log-head.ts'
import { LogWriter } from './log-writer.ts'
import { openFiles } from './open-files.ts'
import { recoverLog } from './recover.ts'
import { applyRetention, planRetention } from './retention.ts'
import { listSegments } from './segment.ts'

/** A small seeded generator: tests repeat. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

class Log implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'changelog-'))
  readonly head = new LogHead()
  writer: LogWriter
  wall = 0n
  lsn = 100n

  constructor(segmentBytes?: number) {
    this.writer = new LogWriter({ dir: this.dir, head: this.head, recovered: recoverLog(this.dir), segmentBytes })
  }

  begin(): Hlc {
    const ts = { wall: (this.wall += 10n), logical: 3 }
    this.writer.begin(ts, (this.lsn += 10n), 7, 0n)
    return ts
  }

  insert(relid: number, text: string): void {
    const message = Buffer.concat([Buffer.of(0x49, 0, 0, 0, relid), Buffer.from(text)])
    this.writer.row(relid, true, message, 0, message.length)
  }

  transaction(relid: number, texts: readonly string[]): Hlc {
    const ts = this.begin()
    for (const text of texts) this.insert(relid, text)
    this.writer.commit(this.lsn + 5n)
    return ts
  }

  reopen(head = new LogHead(), segmentBytes?: number): LogWriter {
    return new LogWriter({ dir: this.dir, head, recovered: recoverLog(this.dir), segmentBytes })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writer.close()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

function texts(payload: Buffer): string[] {
  const found: string[] = []
  for (let at = 0; at < payload.length;) {
    const length = payload.readUInt32BE(at)
    if (payload[at + 4] === record.insert) found.push(payload.toString('utf8', at + 9, at + 4 + length))
    at += 4 + length
  }
  return found
}

function blocks(reader: LogReader): { block: LogBlock; texts: string[] }[] {
  const all: { block: LogBlock; texts: string[] }[] = []
  for (let block = reader.next(); block !== undefined; block = reader.next())
    all.push({ block, texts: texts(block.payload()) })
  return all
}

function allTexts(dir: string, head: LogHead): string[] {
  using reader = openFiles({ tag: 'files', dir, shared: head.shared }).readFrom(head.tail)
  return blocks(reader).flatMap((entry) => entry.texts)
}

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

test('a crash at any byte of the file loses nothing that was durable and shows nothing half', async () => {
  await using log = new Log()
  const random = randomOf(42)
  const written: string[] = []
  for (let i = 0; i < 40; i++) {
    const rows = Array.from({ length: 1 + random(4) }, (_, row) => `${i}/${row}`)
    log.transaction(1, rows)
    written.push(...rows)
    if (random(3) === 0) await log.writer.flush()
  }
  log.begin()
  log.insert(1, 'never')
  await log.writer.flush()
  const segment = listSegments(log.dir)[0] as { path: string }
  const size = statSync(segment.path).size
  for (let cut = size; cut >= 0; cut -= 1 + random(7)) {
    const copy = mkdtempSync(join(tmpdir(), 'changelog-cut-'))
    try {
      cpSync(log.dir, copy, { recursive: true })
      truncateSync((listSegments(copy)[0] as { path: string }).path, cut)
      const head = new LogHead()
      const writer = new LogWriter({ dir: copy, head, recovered: recoverLog(copy) })
      const kept = allTexts(copy, head)
      assert.deepEqual(kept, written.slice(0, kept.length))
      assert.ok(!kept.includes('never'))
      if (cut === size) assert.equal(kept.length, written.length)
      await writer.close()
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  }
})

test('a damaged byte in what was durable is an error for readers, never another row', async () => {
  await using log = new Log()
  log.transaction(1, ['precious'])
  await log.writer.flush()
  const segment = listSegments(log.dir)[0] as { path: string }
  const bytes = readFileSync(segment.path)
  bytes[bytes.indexOf('precious')] = 0x50
  writeFileSync(segment.path, bytes)
  assert.throws(
    () => allTexts(log.dir, log.head),
    (error) => error instanceof FeedError && error.code === 'FEED_LOG_CORRUPT',
  )
})

test('after a restart the log continues: position, last timestamp, end LSN and table descriptions', async () => {
  await using log = new Log(4096)
  log.writer.begin({ wall: (log.wall += 10n), logical: 0 }, (log.lsn += 10n), 1, 0n)
  log.writer.schema(9, Buffer.from('{"relid":9,"name":"t"}'), false)
  log.writer.commit(log.lsn + 5n)
  for (let i = 0; i < 50; i++) {
    log.transaction(9, ['x'.repeat(300)])
    await log.writer.flush()
  }
  log.writer.closed({ wall: 9999n, logical: 1 }, 700n)
  await log.writer.flush()
  const head = new LogHead()
  const again = log.reopen(head, 4096)
  assert.equal(head.head, log.head.head)
  assert.equal(again.endLsn, 700n)
  assert.deepEqual(again.lastTimestamp, { wall: 9999n, logical: 1 })
  using reader = openFiles({ tag: 'files', dir: log.dir, shared: head.shared }).readFrom(head.head)
  const schemas = blocks(reader).filter(({ block }) => block.payload().includes('"name":"t"'))
  assert.ok(schemas.length > 0, 'the newest segment repeats the description')
  await again.close()
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
      /older than the GC threshold/.test(error.message),
  )
  assert.ok(log.head.tail > 0)
})

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
  const sleeping = reader.wait(AbortSignal.timeout(20_000), 10_000).then(() => (isAwake = true))
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
  await reader.wait(AbortSignal.timeout(20_000), 50)
  assert.deepEqual(
    blocks(reader).map((entry) => entry.texts),
    [[]],
  )
})

test('a segment whose header was torn by a crash is made again', async () => {
  await using log = new Log()
  log.transaction(1, ['a'])
  await log.writer.flush()
  const position = log.head.head
  const torn = join(log.dir, `${position.toString(16).padStart(16, '0')}.log`)
  writeFileSync(torn, Buffer.alloc(11))
  const head = new LogHead()
  const again = log.reopen(head)
  assert.deepEqual(allTexts(log.dir, head), ['a'])
  await again.close()
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

test('a segment that is being made is not looked at', async () => {
  await using log = new Log()
  const ts = log.transaction(1, ['a'])
  await log.writer.flush()
  // Another thread sees it empty, or with its header only, or with rows that are not durable.
  writeFileSync(join(log.dir, `${log.head.head.toString(16).padStart(16, '0')}.log`), '')
  const changelog = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared })
  assert.equal(changelog.startOf(ts), 0)
  using reader = changelog.readAfter(ts)
  assert.equal(blocks(reader).length, 2)
})

test('recovery says where bytes stop to make sense, and says nothing of a log that is whole', async () => {
  await using log = new Log()
  for (const text of ['first', 'precious', 'last']) {
    log.transaction(1, [text])
    await log.writer.flush()
  }
  assert.equal(recoverLog(log.dir).damage, undefined)
  const segment = listSegments(log.dir)[0] as { path: string }
  const bytes = readFileSync(segment.path)
  bytes[bytes.indexOf('precious')] = 0x50
  writeFileSync(segment.path, bytes)
  const recovered = recoverLog(log.dir)
  assert.match(recovered.damage ?? '', /0\.log: the changelog block at position \d+ fails its checksum/)
  assert.equal(recovered.endLsn, 115n)
})

test('a header that makes no sense in the middle of a segment is named, too', async () => {
  await using log = new Log()
  for (const text of ['first', 'second']) {
    log.transaction(1, [text])
    await log.writer.flush()
  }
  const segment = listSegments(log.dir)[0] as { path: string }
  const bytes = readFileSync(segment.path)
  bytes[bytes.lastIndexOf('PGCB')] = 0
  writeFileSync(segment.path, bytes)
  assert.match(recoverLog(log.dir).damage ?? '', /no readable block at position \d+, \d+ bytes before its end/)
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

test('after a refusal of the disk nothing more is written, synced or shown', async () => {
  await using log = new Log(1024)
  log.transaction(1, ['durable'])
  await log.writer.flush()
  const shown = log.head.head
  const moved = `${log.dir}-moved`
  renameSync(log.dir, moved)
  log.transaction(1, ['x'.repeat(2000)])
  await log.writer.flush()
  log.transaction(1, ['a new segment is needed'])
  await assert.rejects(log.writer.flush(), { code: 'FEED_LOG_IO' })
  renameSync(moved, log.dir)
  const stuck = log.head.head
  assert.ok(stuck > shown)
  await assert.rejects(log.writer.flush(), { code: 'FEED_LOG_IO' })
  assert.equal(log.head.head, stuck)
  await log.writer.close()
  await assert.rejects(log.writer.flush(), { code: 'FEED_LOG_IO' })
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
