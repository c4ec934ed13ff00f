import assert from 'node:assert/strict'
import test from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import { BackendMessages, readDataRow } from './backend-messages.ts'

interface Message {
  readonly tag: number
  readonly body: string
}

function framed({ tag, body }: Message): Buffer {
  const bytes = Buffer.from(body)
  const head = Buffer.alloc(5)
  head[0] = tag
  head.writeInt32BE(4 + bytes.length, 1)
  return Buffer.concat([head, bytes])
}

/** Feeds `pieces` through one reused buffer, as a socket does. */
function parse(pieces: readonly Buffer[]): Message[] {
  const found: Message[] = []
  const messages = new BackendMessages((tag, bytes, start, end) =>
    found.push({ tag, body: bytes.toString('utf8', start, end) }),
  )
  const socket = Buffer.alloc(Math.max(1, ...pieces.map(({ length }) => length)))
  for (const piece of pieces) {
    socket.fill(0xee)
    piece.copy(socket)
    messages.push(socket, piece.length)
  }
  return found
}

const three: readonly Message[] = [
  { tag: 0x64, body: 'first' },
  { tag: 0x5a, body: '' },
  { tag: 0x44, body: 'x'.repeat(300) },
]
const stream = Buffer.concat(three.map(framed))

test('messages come out the same wherever the stream is cut', () => {
  for (let cut = 0; cut <= stream.length; cut++) {
    assert.deepEqual(parse([stream.subarray(0, cut), stream.subarray(cut)]), three, `cut at ${cut}`)
  }
})

test('messages come out the same one byte at a time', () => {
  assert.deepEqual(parse(Array.from(stream, (byte) => Buffer.of(byte))), three)
})

test('messages come out the same in random pieces, large ones too', () => {
  let state = 4711
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  for (let round = 0; round < 50; round++) {
    const wanted = Array.from({ length: 20 }, () => ({
      tag: 1 + random(255),
      body: 'y'.repeat(random(10) === 0 ? random(100_000) : random(50)),
    }))
    const all = Buffer.concat(wanted.map(framed))
    const pieces: Buffer[] = []
    for (let at = 0; at < all.length;) {
      const end = Math.min(all.length, at + 1 + random(random(4) === 0 ? 70_000 : 40))
      pieces.push(all.subarray(at, end))
      at = end
    }
    assert.deepEqual(parse(pieces), wanted)
  }
})

test('an impossible length is refused', () => {
  for (const length of [3, 0, -1]) {
    const bytes = Buffer.alloc(5)
    bytes[0] = 0x64
    bytes.writeInt32BE(length, 1)
    assert.throws(
      () => parse([bytes]),
      (error) => error instanceof FeedError && error.code === 'FEED_PROTOCOL',
    )
    assert.throws(() => parse([bytes.subarray(0, 3), Buffer.concat([bytes.subarray(3), Buffer.alloc(9)])]), FeedError)
  }
})

test('a message that is longer than the limit is refused as soon as its length is there', () => {
  const messages = new BackendMessages(() => assert.fail('it is not complete'))
  messages.mostBytes = 1000
  const bytes = Buffer.of(0x45, 0, 0, 3, 0xe9)
  messages.push(bytes.subarray(0, 3), 3)
  assert.throws(() => messages.push(bytes.subarray(3), 2), /a message from PostgreSQL has length 1001/)
})

test('a data row gives texts, nulls and empty texts', () => {
  const value = (text: string): Buffer => {
    const bytes = Buffer.from(text)
    const length = Buffer.alloc(4)
    length.writeInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const row = Buffer.concat([Buffer.of(9, 9, 0, 3), value('née'), Buffer.of(255, 255, 255, 255), value('')])
  assert.deepEqual(readDataRow(row, 2), ['née', null, ''])
})
