// Many readers that wait for one log: one of them sleeping through what is another's is one wake less for the thread.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Log, texts } from '../../../test/support/log-under-test.ts'
import { logStart } from '../changelog.ts'
import { LogHead } from './log-head.ts'
import { openFiles } from './open-files.ts'

const longMs = 600_000

test('the readers of a thread share one wait, and only those wake whose tables have changed', async (t) => {
  await using log = new Log()
  await log.writer.flush()
  const stop = new AbortController()
  const awake: number[] = []
  const waits = t.mock.method(Atomics, 'waitAsync')
  const waiting = Array.from({ length: 200 }, async (_, relid) => {
    // Each feed opens the log for itself, with an object of its own for the same memory.
    using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(log.head.head)
    while (reader.next() !== undefined);
    await reader.wait(stop.signal, { ms: longMs, tables: [relid] })
    if (!stop.signal.aborted) awake.push(relid)
  })
  for (let i = 0; i < 10; i++) {
    log.transaction(7, [`${i}`])
    await log.writer.flush()
    await nextTurn()
  }
  assert.deepEqual(awake, [7])
  assert.ok(waits.mock.callCount() <= 12, `${waits.mock.callCount()} waits`)
  log.writer.schema(1, Buffer.from('{"relid":1}'), false)
  log.begin()
  log.writer.commit(log.lsn + 5n)
  await log.writer.flush()
  await Promise.all(waiting)
  assert.equal(awake.length, 200)
})

test('a reader that is late long enough hears of changes that are not its own, and one that sleeps hears of an abort and of a failure', async () => {
  await using log = new Log()
  await log.writer.flush()
  using reader = openFiles({ tag: 'files', dir: log.dir, shared: log.head.shared }).readFrom(log.head.head)
  while (reader.next() !== undefined);
  const late = reader.wait(AbortSignal.timeout(20_000), { ms: 50, tables: [1] })
  log.transaction(2, ['a'])
  await log.writer.flush()
  await late
  assert.notEqual(reader.passOver([1]), undefined)
  const abort = new AbortController()
  const aborted = reader.wait(abort.signal, { ms: longMs, tables: [1] })
  abort.abort()
  await aborted
  const failed = reader.wait(AbortSignal.timeout(20_000), { ms: longMs, tables: [1] })
  log.head.fail('the disk is gone')
  await failed
  assert.throws(() => reader.next(), { code: 'FEED_LOG_STOPPED' })
})

const writing = `
  import { workerData } from 'node:worker_threads'
  const { LogHead } = await import(workerData.head)
  const { LogWriter } = await import(workerData.writer)
  const { recoverLog } = await import(workerData.recover)
  const { dir, shared, tables, count } = workerData
  const writer = new LogWriter({ dir, head: new LogHead(shared), recovered: recoverLog(dir), segmentBytes: 20000 })
  for (let i = 1; i <= count; i++) {
    const relid = (i * 7919) % tables
    writer.begin({ wall: BigInt(i) * 10n, logical: 0 }, BigInt(i) * 10n, 1, 0n)
    const message = Buffer.concat([Buffer.of(0x49, 0, 0, 0, relid), Buffer.from(String(i))])
    writer.row(relid, true, message, 0, message.length)
    writer.commit(BigInt(i) * 10n + 5n)
    if (i % 3 !== 0) await writer.flush()
  }
  writer.begin({ wall: BigInt(count + 1) * 10n, logical: 0 }, BigInt(count + 1) * 10n, 1, 0n)
  writer.schema(0, Buffer.from('{"relid":0}'), false)
  writer.commit(BigInt(count + 1) * 10n + 5n)
  await writer.flush()
  await writer.close()
`

// A wake that is missed shows as a reader that sleeps for ten minutes.
test('no wake is missed while another thread writes', { timeout: 300_000 }, async () => {
  await using log = new Log()
  await log.writer.close()
  const tables = 40
  const count = 4000
  const head = new LogHead()
  const handle = { tag: 'files', dir: log.dir, shared: head.shared } as const
  const moduleOf = (name: string): string => new URL(name, import.meta.url).href
  const worker = new Worker(writing, {
    eval: true,
    workerData: {
      head: moduleOf('log-head.ts'),
      writer: moduleOf('log-writer.ts'),
      recover: moduleOf('recover.ts'),
      dir: log.dir,
      shared: head.shared,
      tables,
      count,
    },
  })
  const ended = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
  const { signal } = new AbortController()
  while (head.head === 0) await nextTurn()
  const readers = Array.from({ length: tables }, async (_, relid) => {
    using reader = openFiles(handle).readFrom(logStart)
    const found: number[] = []
    for (;;) {
      // Whether there is something to pass over at this moment is the machine's: rows are what counts.
      reader.passOver([relid])
      const block = reader.next()
      if (block === undefined) await reader.wait(signal, { ms: longMs, tables: [relid] })
      else if (block.mentions(relid)) {
        found.push(
          ...texts(block.payload())
            .map(Number)
            .filter((i) => (i * 7919) % tables === relid),
        )
        if (block.hasSchema && block.resolved.wall > BigInt(count) * 10n) return found
      } else if (block.resolved.wall > BigInt(count) * 10n) return found
    }
  })
  const found = await Promise.all(readers)
  await ended
  for (const [relid, rows] of found.entries()) {
    const expected = Array.from({ length: count }, (_, i) => i + 1).filter((i) => (i * 7919) % tables === relid)
    assert.deepEqual(rows, expected)
  }
})
