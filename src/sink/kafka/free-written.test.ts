import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { until } from '../../../test/support/until.ts'
import { freeWritten } from './free-written.ts'

test('a large buffer arrives whole and is empty when it was written; parts of buffers and small ones stay', async () => {
  const chunks: Buffer[] = []
  const server = createServer((socket) => socket.on('data', (chunk: Buffer) => void chunks.push(chunk))).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  try {
    freeWritten(socket)
    const large = Array.from({ length: 8 }, (_, i) => Buffer.alloc(3_000_000 + i, i + 1))
    const small = Buffer.allocUnsafeSlow(1000).fill(9)
    const part = Buffer.allocUnsafeSlow(400_000).fill(10).subarray(1)
    const wanted = Buffer.concat([...large, small, part])
    for (const buffer of [...large, small, part]) socket.write(buffer)
    await until('everything arrives', 20_000, () =>
      chunks.reduce((sum, { length }) => sum + length, 0) === wanted.length ? true : undefined,
    )
    assert.ok(Buffer.concat(chunks).equals(wanted))
    await until('what was written is freed', 20_000, () =>
      large.every(({ length }) => length === 0) ? true : undefined,
    )
    assert.equal(small.length, 1000)
    assert.equal(part.length, 399_999)
  } finally {
    socket.destroy()
    server.close()
  }
})

test('what was not written stays', async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  try {
    freeWritten(socket)
    socket.on('error', () => undefined)
    const closed = once(socket, 'close')
    socket.resume()
    await closed
    const large = Buffer.alloc(1_000_000, 1)
    socket.write(large)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(large.length, 1_000_000)
  } finally {
    socket.destroy()
    server.close()
  }
})
