import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeedError } from '../../errors/feed-error.ts'
import { troubleStatus } from './trouble-notices.ts'

test('a job says what is wrong with its source and what to do', () => {
  const full = new FeedError('FEED_LOG_IO', 'the disk of the changelog is full', { hint: 'free space on that disk' })
  const now = { error: full, isPermanent: false }
  const said = 'changes of database "shop" cannot be read now: the disk of the changelog is full'
  assert.equal(troubleStatus('shop', now), `${said}; free space on that disk`)
  const other = new FeedError('FEED_LOG_IO', 'the disk of the changelog is full')
  assert.equal(troubleStatus('shop', { ...now, error: other }), said)
})
