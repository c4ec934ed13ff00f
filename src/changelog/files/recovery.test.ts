// A changelog after a crash, on a disk that damages bytes or takes no more.

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { FeedError } from '../../errors/feed-error.ts'
import { LogHead } from './log-head.ts'
import { LogWriter } from './log-writer.ts'
import { openFiles } from './open-files.ts'
import { recoverLog } from './recover.ts'
import { listSegments } from './segment.ts'
import { randomOf, Log, blocks, allTexts } from '../../../test/support/log-under-test.ts'

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
