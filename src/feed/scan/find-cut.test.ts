import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insert, WrittenLog } from '../../../test/support/written-log.ts'
import { logStart, type Changelog } from '../../changelog/changelog.ts'
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
