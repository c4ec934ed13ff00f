import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insert, WrittenLog } from '../../../test/support/written-log.ts'
import { logStart, type Changelog } from '../../changelog/changelog.ts'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import { findCut } from './find-cut.ts'

test('who looks for a cut in a long log hears in its middle that the feed was stopped', async () => {
  using files = await WrittenLog.open()
  for (let i = 0; i < 300; i++) {
    files.transaction([insert([`${i}`, 'x'])], i === 0)
    await files.writer.flush()
  }
  await files.writer.close()
  const { log } = files
  let blocks = 0
  // A disk that takes a millisecond a block.
  const slow: Changelog = {
    ...log,
    readFrom: (position) => {
      const reader = log.readFrom(position)
      return {
        next: () => {
          const untilMs = performance.now() + 1
          while (performance.now() < untilMs);
          blocks += 1
          return reader.next()
        },
        passOver: (tables) => reader.passOver(tables),
        wait: (signal) => reader.wait(signal),
        readAt: (at) => reader.readAt(at),
        [Symbol.dispose]: () => reader[Symbol.dispose](),
      }
    },
  }
  const abort = new AbortController()
  // It is stopped while it waits.
  setTimeout(() => abort.abort(new Error('stopped')), 5)
  await assert.rejects(findCut({ log: slow, from: logStart, point: 1n << 60n, signal: abort.signal }), {
    message: 'stopped',
  })
  assert.ok(blocks < 100, `it read ${blocks} blocks`)
})

test('a cut that a gap jumps over has no time: what was committed between the two is in neither', async () => {
  const { signal } = new AbortController()
  for (const inOneBlock of [true, false]) {
    using files = await WrittenLog.open()
    const { writer, log } = files
    const flush = async (): Promise<void> => (inOneBlock ? undefined : await writer.flush())
    const first = files.transaction([insert(['1', 'x'])], true)
    const end = writer.endLsn
    await flush()
    files.gap('the slot was dropped')
    await flush()
    const from = writer.endLsn
    writer.closed(files.now, from)
    await flush()
    const after = files.transaction([insert(['2', 'x'])])
    await writer.flush()
    await writer.close()
    const find = (point: bigint): Promise<Hlc> => findCut({ log, from: logStart, point, signal })
    assert.ok(compareHlc(await find(end - 50n), first) < 0)
    for (const point of [end, end + 1n, from - 1n])
      await assert.rejects(find(point), {
        code: 'FEED_SOURCE_DOWN',
        message: /from before a gap.*: the slot was dropped$/,
      })
    const behind = { ...after, wall: after.wall - 1000n }
    assert.deepEqual(await find(from), behind)
    assert.deepEqual(await find(from + 1n), behind)
  }
})

test('a gap that begins and ends at one position jumps over nothing', async () => {
  using files = await WrittenLog.open()
  const { writer, log } = files
  files.transaction([insert(['1', 'x'])], true)
  writer.gap({ ...files.now, logical: 1 }, writer.endLsn, 'changes of another table')
  const ts = files.transaction([insert(['2', 'x'])])
  files.transaction([insert(['3', 'x'])])
  await writer.flush()
  await writer.close()
  const point = writer.endLsn - 50n
  assert.deepEqual(await findCut({ log, from: logStart, point, signal: new AbortController().signal }), ts)
})
