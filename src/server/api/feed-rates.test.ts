import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PooledFeed } from '../../feed/pool/feed-pool.ts'
import { FeedRates } from './feed-rates.ts'

/** A changefeed with these counters. */
function feedWith(counts: { messages: number; bytes: number; pendingRanges: number | undefined }): PooledFeed {
  const meter = { value: (name: 'messages' | 'bytes') => counts[name] }
  const progress = {
    frontier: undefined,
    get pendingRanges() {
      return counts.pendingRanges
    },
  }
  return { id: 'a', database: 'd', scope: undefined, progress, meter } as unknown as PooledFeed
}

test('rates are of the last half minute, and begin anew with a changefeed that counts from 0', () => {
  let nowMs = 0
  const counts = { messages: 0, bytes: 0, pendingRanges: undefined }
  const feed = feedWith(counts)
  const running = [feed]
  const rates = new FeedRates({ running }, () => nowMs)
  assert.equal(rates.of(feed).messagesPerSecond, 0)
  for (let i = 0; i < 20; i++) {
    nowMs += 5000
    counts.messages += i < 10 ? 1000 : 50
    counts.bytes += 500
    rates.look()
  }
  const { messagesPerSecond, bytesPerSecond, scan } = rates.of(feed)
  assert.deepEqual([messagesPerSecond, bytesPerSecond, scan], [10, 100, null])
  // It has emitted more rows than before, or as many, and its resolved messages are fewer.
  const again = feedWith({ messages: counts.messages, bytes: 7, pendingRanges: undefined })
  running[0] = again
  nowMs += 5000
  for (let i = 0; i < 2; i++) {
    const { messagesPerSecond: messages, bytesPerSecond: bytes } = rates.of(again)
    assert.deepEqual([messages, bytes], [0, 0])
    rates.look()
  }
  rates.close()
})

test('the time that a scan still takes follows from how fast its ranges go', () => {
  let nowMs = 0
  const counts = { messages: 0, bytes: 0, pendingRanges: 100 as number | undefined }
  const feed = feedWith(counts)
  const rates = new FeedRates({ running: [feed] }, () => nowMs)
  assert.deepEqual(rates.of(feed).scan, { rangesLeft: 100, rangesPerSecond: 0, secondsLeft: null })
  for (let i = 0; i < 4; i++) {
    nowMs += 5000
    counts.pendingRanges = 90 - i * 10
    rates.look()
  }
  assert.deepEqual(rates.of(feed).scan, { rangesLeft: 60, rangesPerSecond: 2, secondsLeft: 30 })
  counts.pendingRanges = undefined
  assert.equal(rates.of(feed).scan, null)
  rates.close()
})
