import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Position } from '../../changelog/changelog.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Source } from '../sources/open-source.ts'
import { KeptSince } from './kept-since.ts'

interface FakeLog {
  head: number
  tail: number
  startOf: () => number | undefined
}

function sourceOf(log: FakeLog): Source {
  const startOf = (): Position | undefined => log.startOf() as Position | undefined
  return { connection: { database: 'd' }, log: { status: log, startOf } } as unknown as Source
}

test('what is kept is counted from where the log begins for a time, which is looked up once', () => {
  let asked = 0
  const log: FakeLog = { head: 1000, tail: 100, startOf: () => (asked++, 400) }
  const kept = new KeptSince()
  const since = { wall: 7n, logical: 0 }
  assert.equal(kept.bytes(sourceOf(log), since), 600)
  log.head = 1500
  assert.equal(kept.bytes(sourceOf(log), since), 1100)
  assert.equal(asked, 1)
  log.tail = 900
  assert.equal(kept.bytes(sourceOf(log), since), 600, 'what is not in the log any more is not kept')
  assert.equal(kept.bytes(sourceOf(log), { wall: 8n, logical: 0 }), 600)
  assert.equal(asked, 2)
})

test('nothing is said of a log that does not reach back, or is damaged', () => {
  const kept = new KeptSince()
  const since = { wall: 7n, logical: 0 }
  const damaged = (): never => {
    throw new FeedError('FEED_LOG_CORRUPT', 'a segment has no preamble')
  }
  assert.equal(kept.bytes(sourceOf({ head: 1, tail: 0, startOf: damaged }), since), null)
  assert.equal(new KeptSince().bytes(sourceOf({ head: 1, tail: 0, startOf: () => undefined }), since), null)
  assert.equal(kept.bytes(undefined, since), null)
  assert.equal(kept.bytes(sourceOf({ head: 1, tail: 0, startOf: () => 0 }), undefined), null)
})
