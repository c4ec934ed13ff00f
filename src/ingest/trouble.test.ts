import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '../../test/support/until.ts'
import type { WireError } from '../errors/feed-error.ts'
import { Trouble } from './trouble.ts'

const error = (message: string): WireError => ({ code: 'FEED_SOURCE_REFUSED', message, sqlstate: '54000' })

test('trouble is told at once and once per reason, and is over only when the log has grown', async () => {
  let end = 5n
  const trouble = new Trouble(() => end)
  const told: (string | undefined)[] = []
  trouble.listen((now) => told.push(now?.error.message))
  for (let attempt = 0; attempt < 3; attempt++) {
    trouble.hear({ tag: 'retrying', error: error('too large'), inMs: 100 })
    trouble.hear({ tag: 'connecting' })
    trouble.hear({ tag: 'streaming' })
  }
  assert.deepEqual(told, ['too large'])
  trouble.hear({ tag: 'retrying', error: error('another'), inMs: 100 })
  assert.deepEqual(told, ['too large', 'another'])
  assert.equal(trouble.failures, 4)
  const late: (string | undefined)[] = []
  trouble.listen((now) => late.push(now?.error.message))
  assert.deepEqual(late, ['another'], 'who comes later hears of it')
  trouble.hear({ tag: 'streaming' })
  end = 6n
  await within(2000, 'the end of the trouble', () => trouble.now === undefined)
  assert.deepEqual(told, ['too large', 'another', undefined])
  trouble.close()
})

test('a stream without changes that holds is no trouble any more; ingest that has failed for good is', async () => {
  const trouble = new Trouble(() => 0n)
  trouble.hear({ tag: 'retrying', error: error('away'), inMs: 100 })
  trouble.hear({ tag: 'streaming' })
  await within(5000, 'the stream to count as settled', () => trouble.now === undefined)
  trouble.hear({ tag: 'failed', error: error('another cluster') })
  assert.equal(trouble.now?.isPermanent, true)
  trouble.close()
})

test('a stream that holds has not got past the change that could not be read before the log has grown', async () => {
  let end = 5n
  const trouble = new Trouble(() => end)
  trouble.hear({ tag: 'retrying', error: error('too large'), inMs: 100, atChange: true })
  trouble.hear({ tag: 'streaming' })
  // Another one, whose stream holds for the same time, is over by then.
  const other = new Trouble(() => end)
  other.hear({ tag: 'retrying', error: error('away'), inMs: 100 })
  other.hear({ tag: 'streaming' })
  await within(5000, 'the other stream to count as settled', () => other.now === undefined)
  assert.equal(trouble.now?.error.message, 'too large')
  end = 6n
  await within(2000, 'the end of the trouble', () => trouble.now === undefined)
  trouble.close()
  other.close()
})

test('what an attempt waits for is the reason then, in place of why the one before has ended', async () => {
  let end = 5n
  const trouble = new Trouble(() => end)
  const told: (string | undefined)[] = []
  trouble.listen((now) => told.push(now?.error.message))
  const wait = (seconds: number): string =>
    `waiting for transactions that have written: process 7 of user "u" in database "d", in its transaction for ${seconds} s`
  trouble.waits(wait(1))
  assert.deepEqual(told, [], 'who waits for a source that was not ready yet is told elsewhere')
  trouble.hear({ tag: 'retrying', error: error('terminating connection'), inMs: 100 })
  trouble.hear({ tag: 'connecting' })
  trouble.waits(wait(1))
  trouble.waits(wait(6))
  assert.deepEqual(told, ['terminating connection', wait(1)])
  assert.equal(trouble.now?.error.message, wait(6))
  assert.match(trouble.now.error.hint ?? '', /pg_terminate_backend/)
  end = 6n
  trouble.hear({ tag: 'streaming' })
  await within(2000, 'the end of the trouble', () => trouble.now === undefined)
  trouble.close()
})
