// A connection that is cut, or falls silent, at every phase of its beginning, and servers that send what they must not.

import assert from 'node:assert/strict'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { openRawConnection } from './raw-connection.ts'
import type { SourceConnection } from './source-connection.ts'

let server: PostgresServerUnderTest
before(async () => {
  server = await PostgresServerUnderTest.start({ tls: true, auth: 'scram-sha-256' })
  await server.allow('host all all 127.0.0.1/32 scram-sha-256')
})
after(() => server[Symbol.asyncDispose]())

/** A way to the server that ends, or stops, after so many bytes of the server. */
class Way implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** How many bytes of the server have passed. */
  passed = 0

  private constructor(allowed: number, end: 'cut' | 'stall') {
    this.#server = createServer((client) => {
      const upstream = connect(server.port, '127.0.0.1')
      this.#sockets.add(client).add(upstream)
      client.on('error', () => upstream.destroy())
      upstream.on('error', () => client.destroy())
      client.on('close', () => upstream.destroy())
      upstream.on('close', () => end === 'cut' && client.destroy())
      client.pipe(upstream, { end: false })
      upstream.on('data', (bytes: Buffer) => {
        const rest = Math.max(0, allowed - this.passed)
        this.passed += bytes.length
        if (bytes.length <= rest) client.write(bytes)
        else if (end === 'stall') client.write(bytes.subarray(0, rest))
        else client.end(bytes.subarray(0, rest))
      })
      if (allowed === 0 && end === 'cut') client.destroy()
    })
  }

  static async open(allowed: number, end: 'cut' | 'stall'): Promise<Way> {
    const way = new Way(allowed, end)
    await new Promise<void>((resolve) => way.#server.listen(0, '127.0.0.1', resolve))
    return way
  }

  source(more: Partial<SourceConnection> = {}): SourceConnection {
    return { ...server.source(), port: (this.#server.address() as AddressInfo).port, ...more }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

async function failure(source: SourceConnection): Promise<FeedError | undefined> {
  try {
    await using connection = await openRawConnection({ source })
    await connection.query('SELECT 1')
    return undefined
  } catch (error) {
    return error as FeedError
  }
}

/** How many bytes the server sends until a connection is complete. */
async function wholeLength(more: Partial<SourceConnection>): Promise<number> {
  await using way = await Way.open(Number.POSITIVE_INFINITY, 'cut')
  await using connection = await openRawConnection({ source: way.source(more) })
  void connection
  return way.passed
}

for (const [kind, more] of [
  ['over TLS', {}],
  ['without TLS', { tls: undefined }],
] as const) {
  test(`${kind}, a connection that is cut after any number of bytes is reported as lost, and the next one works`, async () => {
    const length = await wholeLength(more)
    // The first bytes one by one: the answer about TLS, and the first message.
    const lengths = [...Array(12).keys(), ...Array.from({ length: 24 }, (_, i) => Math.floor((length * (i + 1)) / 25))]
    for (const allowed of lengths) {
      await using way = await Way.open(allowed, 'cut')
      const error = await failure(way.source(more))
      assert.equal(error?.code, 'FEED_SOURCE_DOWN', `${allowed} of ${length} bytes: ${error?.message}`)
      assert.match(error?.message ?? '', /^cannot reach PostgreSQL at 127.0.0.1:\d+/)
    }
    await using way = await Way.open(Number.POSITIVE_INFINITY, 'cut')
    assert.equal(await failure(way.source(more)), undefined)
  })

  test(`${kind}, a server that falls silent after any number of bytes is given up in time`, async () => {
    const length = await wholeLength(more)
    const lengths = [0, 1, 5, ...Array.from({ length: 5 }, (_, i) => Math.floor((length * (i + 1)) / 6))]
    await Promise.all(
      lengths.map(async (allowed) => {
        await using way = await Way.open(allowed, 'stall')
        const error = await failure(way.source({ ...more, connectWithinMs: 1500 }))
        assert.equal(error?.code, 'FEED_SOURCE_DOWN', `${allowed} of ${length} bytes: ${error?.message}`)
        assert.match(error?.message ?? '', /no answer within 1.5 s$/)
      }),
    )
  })
}

/** A server that answers each message of a client with the next of these. */
async function withAnswers(
  answers: readonly Buffer[],
  more: Partial<SourceConnection>,
): Promise<FeedError | undefined> {
  const fake = createServer((socket) => {
    const left = [...answers]
    socket.on('error', () => undefined)
    socket.on('data', () => {
      const next = left.shift()
      if (next === undefined) socket.destroy()
      else socket.write(next)
    })
  })
  await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve))
  try {
    return await failure({ ...server.source(), port: (fake.address() as AddressInfo).port, ...more })
  } finally {
    await new Promise((resolve) => fake.close(resolve))
  }
}

const asked = (method: number, rest = ''): Buffer => {
  const bytes = Buffer.alloc(9 + rest.length)
  bytes.write('R', 0)
  bytes.writeInt32BE(8 + rest.length, 1)
  bytes.writeInt32BE(method, 5)
  bytes.write(rest, 9, 'latin1')
  return bytes
}
const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])
const plain = { tls: undefined }

test('what was not encrypted is not believed after the server has agreed to TLS', async () => {
  const injected = Buffer.concat([Buffer.from('S'), asked(0), ready])
  const error = await withAnswers([injected], {})
  assert.match(error?.message ?? '', /the server sent data in clear text after its answer about TLS$/)
  const later = await withAnswers([Buffer.from('S'), Buffer.concat([asked(0), ready])], {})
  assert.equal(later?.code, 'FEED_SOURCE_DOWN')
  const spoken = await withAnswers([Buffer.from('Elocal secrets of somebody else\0')], {})
  assert.match(spoken?.message ?? '', /the server answered the request for TLS with an error$/)
})

test('a server that does not prove that it knows the password is not trusted', async () => {
  const first = asked(10, 'SCRAM-SHA-256\0\0')
  const cases: readonly (readonly [answers: readonly Buffer[], message: RegExp])[] = [
    [[Buffer.concat([first, asked(0), ready])], /ended the login before it proved that it knows the password/],
    [[first, asked(11, 'r=another,s=AAAA,i=4096')], /did not continue our nonce/],
    [[asked(12, 'v=AAAA')], /ends a login that was not begun/],
    [[asked(11, 'r=a,s=AAAA,i=1')], /continues a login that was not begun/],
    [[ready], /began a session before it let us in/],
    [[asked(7)], /asks for GSSAPI authentication, which pg-changefeed does not have/],
    [[asked(9)], /asks for SSPI authentication/],
    [[asked(10, 'OAUTHBEARER\0\0')], /asks for OAuth authentication/],
    [[asked(10, 'SCRAM-SHA-256-PLUS\0\0')], /wants to be bound to its certificate/],
    [[asked(99)], /an unknown kind \(99\) of authentication/],
  ]
  for (const [answers, message] of cases) {
    const error = await withAnswers(answers, plain)
    assert.match(error?.message ?? '', message)
    assert.notEqual(error?.code, 'FEED_UNEXPECTED')
  }
})
