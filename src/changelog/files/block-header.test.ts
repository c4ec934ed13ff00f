import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { crc32 } from 'node:zlib'
import { FeedError } from '../../errors/feed-error.ts'
import { logStart } from '../changelog.ts'
import { LogHead } from './log-head.ts'
import { LogWriter } from './log-writer.ts'
import { openFiles } from './open-files.ts'
import { recoverLog } from './recover.ts'
import { listSegments, segmentHeaderBytes } from './segment.ts'
import { surveyFiles } from './survey-files.ts'

class Folder implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'changelog-header-'))

  get onlySegment(): string {
    return (listSegments(this.dir)[0] as { path: string }).path
  }

  /** Transactions of one row each; the row's relation is its number. Gives the head behind them. */
  async write(relids: readonly number[], head = new LogHead()): Promise<LogHead> {
    const writer = new LogWriter({ dir: this.dir, head, recovered: recoverLog(this.dir, head.head) })
    for (const relid of relids) {
      const wall = writer.lastTimestamp.wall + 1n
      const message = Buffer.concat([Buffer.of(0x49, 0, 0, 0, relid), Buffer.from(`row of ${relid}`)])
      writer.begin({ wall, logical: 0 }, wall * 100n, 1, 0n)
      writer.row(relid, true, message, 0, message.length)
      writer.commit(wall * 100n + 50n)
      await writer.flush()
    }
    await writer.close()
    return head
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Reads as a feed of one relation does: blocks that do not mention it are skipped by their header. */
function rowsOf(dir: string, head: LogHead, relid: number): string[] {
  using reader = openFiles({ tag: 'files', dir, shared: head.shared }).readFrom(logStart)
  const found: string[] = []
  for (let block = reader.next(); block !== undefined; block = reader.next()) {
    if (!block.mentions(relid)) continue
    found.push(
      ...(block
        .payload()
        .toString('latin1')
        .match(/row of \d+/g) ?? []),
    )
  }
  return found
}

test('any flipped bit of a header is an error for the feed that would have skipped the block', async () => {
  using folder = new Folder()
  const head = await folder.write([7, 8, 7])
  const whole = readFileSync(folder.onlySegment)
  assert.deepEqual(rowsOf(folder.dir, head, 7), ['row of 7', 'row of 7'])
  const start = whole.lastIndexOf('PGCB')
  const headerEnd = start + whole.readUInt16BE(start + 12)
  // Bytes 4 to 8 are the checksum of the payload: only who reads it needs them.
  for (let at = start; at < headerEnd; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] as number) ^ (1 << bit)
      writeFileSync(folder.onlySegment, damaged)
      assert.throws(
        () => rowsOf(folder.dir, head, 7),
        (error) => error instanceof FeedError && error.code === 'FEED_LOG_CORRUPT' && !error.retry,
        `bit ${bit} of byte ${at - start}`,
      )
    }
  }
})

/** The same log in the first format: its block headers have no checksum. */
function inFirstFormat(bytes: Buffer): Buffer {
  const header = Buffer.from(bytes.subarray(0, segmentHeaderBytes))
  header[7] = 1
  header.writeUInt32BE(crc32(header.subarray(0, 24)), 24)
  const parts = [header]
  for (let at = segmentHeaderBytes; at < bytes.length;) {
    const total = bytes.readUInt32BE(at + 8)
    const block = Buffer.concat([bytes.subarray(at, at + 64), bytes.subarray(at + 68, at + total)])
    block.write('PCFB', 'latin1')
    block.writeUInt32BE(total - 4, 8)
    block.writeUInt16BE(bytes.readUInt16BE(at + 12) - 4, 12)
    block.writeUInt32BE(crc32(block.subarray(8)), 4)
    parts.push(block)
    at += total
  }
  return Buffer.concat(parts)
}

test('a log of the first format is read, and goes on in a segment of its own', async () => {
  using folder = new Folder()
  await folder.write([7, 8, 7])
  const old = inFirstFormat(readFileSync(folder.onlySegment))
  writeFileSync(folder.onlySegment, old)
  const head = await folder.write([7, 9])
  assert.deepEqual(rowsOf(folder.dir, head, 7), ['row of 7', 'row of 7', 'row of 7'])
  assert.deepEqual(
    listSegments(folder.dir).map(({ start }) => start),
    [0, old.length],
  )
  assert.deepEqual(readFileSync(folder.onlySegment), old)
  const again = await folder.write([7])
  assert.equal(rowsOf(folder.dir, again, 7).length, 4)
  assert.equal(listSegments(folder.dir).length, 2)
})

test('a block of the first format that would be skipped is verified as a whole before', async () => {
  using folder = new Folder()
  await folder.write([7, 8, 7])
  writeFileSync(folder.onlySegment, inFirstFormat(readFileSync(folder.onlySegment)))
  const head = await folder.write([9])
  const bytes = readFileSync(folder.onlySegment)
  const start = bytes.lastIndexOf('PCFB')
  assert.equal(bytes.readUInt32BE(start + 64), 7)
  bytes.writeUInt32BE(6, start + 64)
  writeFileSync(folder.onlySegment, bytes)
  assert.throws(
    () => rowsOf(folder.dir, head, 7),
    (error) => error instanceof FeedError && error.code === 'FEED_LOG_CORRUPT',
  )
})

/** The rows that a survey of the log finds, and whether it finds damage. */
function surveyed(dir: string): { readonly rows: string[]; readonly isDamaged: boolean } {
  const rows: string[] = []
  let isDamaged = false
  for (const step of surveyFiles(dir).read(0)) {
    if (step.tag === 'damage') isDamaged = true
    if (step.tag === 'block') rows.push(...(step.payload.toString('latin1').match(/row of \d+/g) ?? []))
  }
  return { rows, isDamaged }
}

for (const [format, change] of [
  ['present', (bytes: Buffer) => bytes],
  ['first', inFirstFormat],
] as const) {
  test(`whatever byte of a log of the ${format} format is damaged, a survey finds all other blocks`, async () => {
    using folder = new Folder()
    await folder.write([1, 2, 3])
    const whole = change(readFileSync(folder.onlySegment))
    const starts = Array.from(
      whole.toString('latin1').matchAll(format === 'first' ? /PCFB/g : /PGCB/g),
      ({ index }) => index,
    )
    assert.equal(starts.length, 4)
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] as number) ^ 0x40
      writeFileSync(folder.onlySegment, bytes)
      const hit = starts.findLastIndex((start) => start <= at)
      const { rows, isDamaged } = surveyed(folder.dir)
      const expected = [1, 2, 3].filter((row) => row !== hit).map((row) => `row of ${row}`)
      // Damage in the last block looks like a write that was cut off, where its size cannot be believed.
      assert.deepEqual([at, rows], [at, expected])
      assert.ok(isDamaged || hit === 3 || (at >= 28 && at < 32), `byte ${at}`)
    }
  })
}

test("the log is for the server's user only, and one that was not is made so when it is opened", async () => {
  using folder = new Folder()
  const dir = join(folder.dir, 'new', 'log')
  const mode = (path: string): number => statSync(path).mode & 0o777
  await new LogWriter({ dir, head: new LogHead(), recovered: recoverLog(dir) }).close()
  const path = (listSegments(dir)[0] as { path: string }).path
  assert.deepEqual([mode(dir), mode(path)], [0o700, 0o600])
  chmodSync(dir, 0o755)
  chmodSync(path, 0o644)
  recoverLog(dir)
  assert.deepEqual([mode(dir), mode(path)], [0o700, 0o600])
})
