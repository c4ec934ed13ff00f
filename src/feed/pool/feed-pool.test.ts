// Threads that run feeds over a written log: what one feed or one thread does must not hurt the others.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { insert, relid, WrittenLog } from '../../../test/support/written-log.ts'
import { until } from '../../../test/support/until.ts'
import { specOf } from '../../../test/support/spec-of.ts'
import type { RowsSinkSpec } from '../../sink/rows/spec.ts'
import { logStart } from '../../changelog/changelog.ts'
import type { SinkSpec } from '../../core/feed-spec.ts'
import { zeroHlc, type Hlc } from '../../core/hlc.ts'
import { FeedPool, type FeedHandlers } from './feed-pool.ts'

const written = await WrittenLog.open()
const backlogRows = 400_000
let backlogEnd = zeroHlc

before(async () => {
  written.transaction([insert(['0', 'first'])], true)
  for (let row = 1; row <= backlogRows;) {
    const messages: Buffer[] = []
    for (let i = 0; i < 1000; i++) messages.push(insert([String(row++), 'x'.repeat(100)]))
    backlogEnd = written.transaction(messages)
  }
  await written.writer.flush()
})
after(async () => {
  await written.writer.close()
  written[Symbol.dispose]()
})

/** The threads that pools have started. */
const threads: Worker[] = []
process.on('worker', (worker) => threads.push(worker))

const rowsSpec: RowsSinkSpec = { tag: 'rows', formats: ['binary', 'binary', 'binary'] }

class TestFeed {
  readonly abort = new AbortController()
  readonly ended: Promise<unknown>
  isOver = false
  bytes = 0
  text = ''

  constructor(
    pool: FeedPool,
    options: { sink?: SinkSpec; fromHead?: boolean; until?: Hlc; take?: FeedHandlers['rows'] } = {},
  ) {
    const spec = specOf({
      targets: [{ relid, topic: 't', tableName: 't' }],
      minCheckpointMs: 0,
      initialScan: 'no',
      endTime: options.until,
      sink: options.sink ?? rowsSpec,
    })
    const start = {
      spec,
      log: written.handle,
      // Nothing is scanned.
      source: { host: 'nowhere.invalid', port: 1, user: '', database: '' },
      startPosition: options.fromHead === true ? written.head.head : logStart,
      startTime: options.fromHead === true ? written.now : zeroHlc,
    }
    const rows = async (messages: Uint8Array): Promise<void> => {
      this.bytes += messages.byteLength
      if (options.fromHead === true) this.text += Buffer.from(messages).toString('latin1')
      await options.take?.(messages)
    }
    this.ended = pool.run(start, { rows }, this.abort.signal).then(
      () => undefined,
      (error: unknown) => error,
    )
    void this.ended.then(() => (this.isOver = true))
  }

  /** Writes a row that only the feeds at the head are waiting for. */
  async hears(row: string): Promise<void> {
    await until(`the feed hears of ${row}`, 20_000, () => (this.text.includes(`"a": ${row},`) ? true : undefined))
  }
}

async function write(row: string): Promise<void> {
  written.transaction([insert([row, 'live'])])
  await written.writer.flush()
}

test('threads that are made ready before feeds come take the first of them, and are no more than will be needed', async () => {
  const pool = new FeedPool(2)
  try {
    const seen = threads.length
    pool.prepare({ count: 0, sinks: [] })
    pool.prepare({ count: 1, sinks: ['kafka'] })
    await until('the thread', 5000, () => (threads.length === seen + 1 ? true : undefined))
    const first = new TestFeed(pool, { fromHead: true })
    await write('9000000')
    await first.hears('9000000')
    assert.equal(threads.length, seen + 1)
    pool.prepare({ count: 50, sinks: [] })
    await until('the other thread', 5000, () => (threads.length > seen + 1 ? true : undefined))
    assert.equal(threads.length, seen + 2)
    first.abort.abort(new Error('stopped'))
    await first.ended
  } finally {
    await pool.close()
  }
})

test('a thread that dies ends its feeds with an error; the others go on, and new ones have a thread', async () => {
  const pool = new FeedPool(2)
  try {
    const seen = threads.length
    const first = new TestFeed(pool, { fromHead: true })
    const second = new TestFeed(pool, { fromHead: true })
    await write('9000001')
    await Promise.all([first.hears('9000001'), second.hears('9000001')])
    assert.equal(threads.length, seen + 2)
    await threads[seen]?.terminate()
    const error = (await first.ended) as { code: string; retry: boolean }
    assert.equal(error.code, 'FEED_THREAD')
    assert.equal(error.retry, true)
    const third = new TestFeed(pool, { fromHead: true })
    await write('9000002')
    await Promise.all([second.hears('9000002'), third.hears('9000002')])
    assert.equal(threads.length, seen + 3)
    assert.equal(pool.running.length, 2)
  } finally {
    await pool.close()
  }
})

test('in one thread, a feed over a long backlog lets a live one through', async () => {
  const pool = new FeedPool(1)
  try {
    const live = new TestFeed(pool, { fromHead: true })
    await write('9000003')
    await live.hears('9000003')
    // They wait for nobody: neither for a client nor for a disk.
    const behind = [1, 2, 3].map(() => new TestFeed(pool, { sink: { tag: 'null' }, until: backlogEnd }))
    await write('9000004')
    await live.hears('9000004')
    assert.ok(
      behind.some(({ isOver }) => !isOver),
      'the live feed waited for all the others',
    )
    assert.deepEqual(await Promise.all(behind.map(({ ended }) => ended)), [undefined, undefined, undefined])
    live.abort.abort()
    await live.ended
  } finally {
    await pool.close()
  }
})

test('who does not take rows stops the reading of the log for one feed only, and can still be cancelled', async () => {
  const pool = new FeedPool(1)
  try {
    const stuck = new TestFeed(pool, { take: () => new Promise(() => undefined) })
    await until('it is stuck', 10_000, () => (stuck.bytes > 0 ? true : undefined))
    const quick = new TestFeed(pool)
    await until('the other reads all', 30_000, () => (quick.bytes > backlogRows * 120 ? true : undefined))
    // One chunk was shown, and what may be under way waits behind it.
    assert.ok(stuck.bytes < 2 * 1024 * 1024)
    stuck.abort.abort(new Error('left'))
    quick.abort.abort(new Error('left'))
    const both = Promise.all([stuck.ended, quick.ended])
    assert.deepEqual(
      (await both).map((error) => (error as Error).message),
      ['left', 'left'],
    )
    assert.equal(pool.running.length, 0)
  } finally {
    await pool.close()
  }
})

test('a client that is gone ends its feed, and a pool that is closed takes none', async () => {
  const pool = new FeedPool(1)
  const gone = new TestFeed(pool, { take: () => Promise.reject(new Error('gone')) })
  assert.equal(((await gone.ended) as Error).message, 'gone')
  const thread = threads.at(-1) as Worker
  const exit = once(thread, 'exit')
  await pool.close()
  await exit
  assert.match(((await new TestFeed(pool).ended) as Error).message, /shutting down/)
})
