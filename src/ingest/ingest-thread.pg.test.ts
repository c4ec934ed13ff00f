// The handle on the thread of ingest: who is let in, who waits, and what outlives a thread.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { IngestUnderTest } from '../../test/support/ingest-under-test.ts'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'

/** Closes nothing that nobody has asked for. */
const rarelyMs = 3_600_000

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

/** The threads that were started, the last one at the end. */
const threads: Worker[] = []
process.on('worker', (worker) => threads.push(worker))

test('a thread that dies is started again: nobody waits, and the closed timestamp that was asked for meanwhile comes', async () => {
  await using db = await server.database()
  await using running = new IngestUnderTest(db, rarelyMs)
  await running.thread.ready
  await running.caughtUp()
  const count = threads.length
  await threads.at(-1)?.terminate()
  const asked = BigInt(Date.now()) * 1_000_000n
  running.log.closeNow()
  await running.thread.ready
  await within(20_000, 'the closed timestamp', () => running.head.resolvedWall >= asked - 1_000_000n)
  assert.equal(threads.length, count + 1)
})

test('a closed timestamp is asked for in any thread, at any time, and each request is answered', async () => {
  await using db = await server.database()
  await using running = new IngestUnderTest(db, rarelyMs)
  // Before there is a slot.
  running.log.closeNow()
  await running.thread.ready
  for (let i = 0; i < 20; i++) {
    const asked = BigInt(Date.now()) * 1_000_000n
    running.log.closeNow()
    await within(20_000, 'the closed timestamp', () => running.head.resolvedWall >= asked - 1_000_000n)
  }
})

test('ingest that only a human can help is tried again for whoever asks, and says again what is wrong', async () => {
  await using db = await server.database()
  await using other = await server.database()
  {
    await using running = new IngestUnderTest(db)
    await running.thread.ready
  }
  await using running = new IngestUnderTest({ ...other, dir: db.dir })
  const first = running.thread.ready
  await assert.rejects(first, { code: 'FEED_START' })
  const count = threads.length
  await within(20_000, 'the thread to end', () => threads.at(-1)?.threadId === -1)
  await assert.rejects(running.thread.ready, { code: 'FEED_START' })
  assert.equal(threads.length, count + 1)
})

test('whoever waits for a source hears that ingest stops, and so does whoever asks later', async () => {
  await using db = await server.database()
  const running = new IngestUnderTest(db)
  const waiting = assert.rejects(running.thread.ready, { code: 'FEED_STATE', message: 'ingest is stopping' })
  await running.thread.stop()
  await waiting
  await assert.rejects(running.thread.ready, { code: 'FEED_STATE' })
  await running.thread.stop()
})
