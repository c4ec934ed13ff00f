import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { specOf } from '../../../test/services/kafka/sink-kit.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { FrameLengths, maxFrameBytes } from './frame-guard.ts'
import { dial } from './open.ts'

function frame(length: number, sent = length): Buffer {
  const bytes = Buffer.alloc(4 + sent)
  bytes.writeUInt32BE(length)
  return bytes
}

test('a frame that is too long is found wherever the pieces of the stream end', () => {
  const stream = Buffer.concat([frame(3), frame(0), frame(300), frame(maxFrameBytes + 1, 2)])
  for (const size of [1, 2, 3, 5, 7, 64, stream.length]) {
    const lengths = new FrameLengths()
    const found: number[] = []
    for (let at = 0; at < stream.length && found.length === 0; at += size) {
      const length = lengths.tooLong(stream.subarray(at, at + size))
      if (length !== undefined) found.push(length)
    }
    assert.deepEqual(found, [maxFrameBytes + 1], `pieces of ${size} bytes`)
  }
  assert.equal(new FrameLengths().tooLong(frame(maxFrameBytes, 10)), undefined)
  assert.equal(new FrameLengths().tooLong(Buffer.from([0xff, 0xff, 0xff, 0xff])), 0xffffffff)
})

test('a server that is no broker cannot fill the memory', { timeout: 180_000 }, async () => {
  for (const [what, answer] of [
    ['an endless answer', Buffer.from([0x7f, 0xff, 0xff, 0xf0])],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ] as const) {
    let sent = 0
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', (request: Buffer) => {
        // The library looks for the number of the request behind the length.
        socket.write(what === 'HTTP' ? answer : Buffer.concat([answer, request.subarray(8, 12)]))
        const piece = Buffer.alloc(1024 * 1024)
        const go = (): void => {
          while (!socket.destroyed && sent < 512 * piece.length) {
            sent += piece.length
            if (!socket.write(piece)) {
              socket.once('drain', go)
              return
            }
          }
        }
        go()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      await assert.rejects(dial(specOf(`127.0.0.1:${port}`, 'none'), { resolved: false }), (error: FeedError) => {
        assert.match(
          error.message,
          new RegExp(`127\\.0\\.0\\.1:${port}.*does not speak Kafka: its answer would have \\d+ bytes`),
        )
        assert.match(error.hint ?? '', /no Kafka broker/)
        return true
      })
      assert.ok(sent < 100 * 1024 * 1024, `${what}: ${sent} bytes were taken`)
    } finally {
      server.close()
    }
  }
})
