import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { certificateOf } from '../../../test/support/servers/certificates.ts'
import { until } from '../../../test/support/until.ts'
import { freeWritten } from './free-written.ts'

const { cert, key, ca } = certificateOf('free-written')

const ways = {
  TCP: {
    listen: (heard: (socket: Socket) => void) => createServer(heard),
    open: (port: number) => connect(port, '127.0.0.1'),
  },
  TLS: {
    listen: (heard: (socket: Socket) => void) =>
      createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, heard),
    open: (port: number) => connectTls({ port, host: '127.0.0.1', ca: readFileSync(ca) }),
  },
}

for (const [name, { listen, open }] of Object.entries(ways))
  test(`over ${name} a large buffer arrives whole and is empty when it was written; parts of buffers and small ones stay`, async () => {
    const chunks: Buffer[] = []
    const server = listen((socket) => socket.on('data', (chunk: Buffer) => void chunks.push(chunk)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = open((server.address() as AddressInfo).port)
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
