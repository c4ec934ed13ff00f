// An endpoint that answers when the head of a request has come, and reads the body afterwards, as slowly as it likes.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { openHook } from '../../../test/services/webhook/hook-destination.ts'
import { certificateOf } from '../../../test/support/servers/certificates.ts'
import { until } from '../../../test/support/until.ts'
import { fill } from '../../../test/suites/sink-kit.ts'
import { MessageBatch } from '../../core/message-batch.ts'
import type { WebhookSinkSpec } from './spec.ts'

const withinMs = 30_000
const { cert, key, ca } = certificateOf('webhook')

/** Answers each request by its head, and keeps the bodies. */
class HastyServer implements AsyncDisposable {
  readonly bodies: string[] = []
  readonly #sockets = new Set<Socket>()
  readonly #server

  constructor(isTls: boolean) {
    const take = (socket: Socket): void => void this.#take(socket).catch(() => undefined)
    this.#server = isTls
      ? createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, take)
      : createServer(take)
  }

  async port(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  async #take(socket: Socket): Promise<void> {
    this.#sockets.add(socket)
    let read = Buffer.alloc(0)
    let hasAnswered = false
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      read = Buffer.concat([read, chunk])
      for (let end = read.indexOf('\r\n\r\n'); end >= 0; end = read.indexOf('\r\n\r\n')) {
        if (!hasAnswered) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
        hasAnswered = true
        const bodyEnd = end + 4 + Number(/content-length: (\d+)/i.exec(read.toString('latin1', 0, end))?.[1])
        if (read.length < bodyEnd) break
        this.bodies.push(read.toString('latin1', end + 4, bodyEnd))
        read = read.subarray(bodyEnd)
        hasAnswered = false
      }
      // What the system of the sink cannot send meanwhile stays in the memory of the sink.
      await setImmediate()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server, 'close')
  }
}

for (const isTls of [true, false]) {
  test(`a request whose answer has come before it was read is not changed any more (${isTls ? 'TLS' : 'plain'})`, async () => {
    await using server = new HastyServer(isTls)
    const spec: WebhookSinkSpec = {
      tag: 'webhook',
      url: `${isTls ? 'https' : 'http'}://127.0.0.1:${await server.port()}/`,
      tls: { ca: isTls ? readFileSync(ca, 'latin1') : undefined, cert: undefined, key: undefined, verify: true },
      headers: [],
      format: 'json',
      compression: 'none',
      timeoutMs: 60_000,
      flush: { messages: 0, bytes: 0, frequencyMs: 0, maxBytes: 8_000_000 },
      retry: { max: 1, backoffMs: 10 },
    }
    await using sink = await openHook(spec)
    const batch = new MessageBatch()
    const filler = 'x'.repeat(2000)
    const [count, perFlush] = [6000, 1000]
    for (let from = 0; from < count; from += perFlush) {
      const messages = Array.from({ length: perFlush }, (_, i) => ({
        key: `[${from + i}]`,
        value: `{"n":${from + i},"filler":"${filler}"}`,
      }))
      await sink.emit(fill(batch, messages))
      await sink.flush({ wall: 1n, logical: 0 })
    }
    const numbers = (): number[] =>
      server.bodies.flatMap((body) => (JSON.parse(body) as { payload: { n: number }[] }).payload.map(({ n }) => n))
    await until('all rows', withinMs, () => (numbers().length >= count ? true : undefined))
    assert.deepEqual(
      numbers().sort((a, b) => a - b),
      Array.from({ length: count }, (_, n) => n),
    )
  })
}
