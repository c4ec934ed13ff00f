import assert from 'node:assert/strict'
import test from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import { readReplicationMessage, statusUpdate } from './replication-message.ts'

function read(bytes: Buffer): unknown[] {
  const seen: unknown[] = []
  const handler = {
    message: (from: Buffer, start: number, end: number) => seen.push(from.toString('latin1', start, end)),
    keepalive: (walEnd: bigint, replyWanted: boolean) => seen.push([walEnd, replyWanted]),
  }
  // Somewhere inside a larger buffer, as it comes.
  readReplicationMessage(
    handler,
    Buffer.concat([Buffer.alloc(7, 0x77), bytes, Buffer.alloc(3, 0x6b)]),
    7,
    7 + bytes.length,
  )
  return seen
}

const head = Buffer.alloc(25)
head[0] = 0x77
const keepalive = Buffer.alloc(18)
keepalive[0] = 0x6b
keepalive.writeBigUInt64BE(0xfedcba9876543210n, 1)
keepalive[17] = 1

test('data and keepalives are told apart', () => {
  assert.deepEqual(read(Buffer.concat([head, Buffer.from('Imessage')])), ['Imessage'])
  assert.deepEqual(read(keepalive), [[0xfedcba9876543210n, true]])
})

test('what is cut short or unknown is refused', () => {
  for (const whole of [head, keepalive]) {
    for (let length = 0; length < 18; length++) {
      assert.throws(
        () => read(whole.subarray(0, length)),
        (error) => error instanceof FeedError && error.code === 'FEED_PROTOCOL',
      )
    }
  }
  assert.throws(() => read(Buffer.from('zzzzzzzzzzzzzzzzzzzzzz')), FeedError)
})

test('a status update says one position three times', () => {
  const bytes = statusUpdate(0x0102030405060708n, true)
  assert.equal(bytes.toString('hex', 0, 25), '72' + '0102030405060708'.repeat(3))
  assert.equal(bytes.length, 34)
  assert.equal(bytes[33], 1)
  assert.equal(statusUpdate(1n, false)[33], 0)
})
