import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationText, listText, sizeText } from './amounts.ts'
import { walWhileAway } from './wal-while-away.ts'

test('sizes and durations are said in the unit that fits', () => {
  assert.deepEqual([0, 1023, 1536, 64 * 1024 ** 2, 2.5 * 1024 ** 4].map(sizeText), [
    '0 bytes',
    '1023 bytes',
    '1.5 kB',
    '64 MB',
    '2.5 TB',
  ])
  assert.deepEqual([0.2, 1, 90, 600, 3600 * 30, 86_400 * 10].map(durationText), [
    'less than a second',
    '1 second',
    '90 seconds',
    '10 minutes',
    '30 hours',
    '10 days',
  ])
})

test('of a long list only the first names are said', () => {
  assert.equal(listText(['a', 'b']), 'a, b')
  assert.equal(listText(['a', 'b', 'c'], 2), 'a, b and 1 more')
})

test('what happens to WAL while the server is down is one sentence with the limits of this PostgreSQL', () => {
  const rate = { now: 1024 * 1024, average: undefined }
  assert.equal(
    walWhileAway({ settings: { max_slot_wal_keep_size: { value: '-1' } }, rate }),
    'while our server is down, PostgreSQL keeps all WAL that the slot still needs, about 84 GB a day at the present rate, until its disk is full (max_slot_wal_keep_size is without limit)',
  )
  const limited = { max_slot_wal_keep_size: { value: '1024' }, idle_replication_slot_timeout: { value: '3600' } }
  assert.match(walWhileAway({ settings: limited, rate: undefined }), /up to max_slot_wal_keep_size = 1 GB, after which/)
  assert.match(walWhileAway({ settings: limited, rate: undefined }), /nobody has read for 60 minutes/)
})
