// An HTTP server that takes the batches of posted-lanes.ts and keeps their messages, for as many troubles as a test wants.
// It counts messages by lane, so it discards a batch that it has, and notices a gap, or two batches of a lane at the same time.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'

/**
 * What happens to a request: `take`; an answer with this status in place of it; `lose` takes the batch and loses the answer;
 * `pause` takes it and asks for a pause of 30 ms; `hold` neither takes nor answers it until `release`.
 */
export type Trouble = 'take' | 'lose' | 'pause' | 'hold' | 401 | 413 | 503

export class PostServer implements AsyncDisposable {
  readonly #server: Server
  readonly #trouble: (lane: string, size: number) => Trouble
  readonly #lanes = new Map<string, [key: string, value: string][]>()
  readonly #present = new Map<string, number>()
  readonly #released = Promise.withResolvers<void>()
  /** Every request with its lane, whatever became of it. */
  readonly requests: { readonly lane: string; readonly count: number; readonly atMs: number }[] = []
  /** Batches that were taken before. */
  repeats = 0
  /** Requests that the client gave up. */
  aborted = 0
  mostRequests = 0
  #bugs: unknown[] = []

  private constructor(trouble: (lane: string, size: number) => Trouble) {
    this.#trouble = trouble
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch((error: unknown) => {
        this.#bugs.push(error)
        response.writeHead(400).end(`: ${String(error)}`)
      })
    })
  }

  static async start(trouble: (lane: string, size: number) => Trouble = () => 'take'): Promise<PostServer> {
    const server = new PostServer(trouble)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The messages that were taken, of each lane in their order. Throws what went wrong. */
  get lanes(): ReadonlyMap<string, readonly (readonly [key: string, value: string])[]> {
    if (this.#bugs.length > 0) throw new AggregateError(this.#bugs)
    return this.#lanes
  }

  get count(): number {
    return [...this.lanes.values()].reduce((sum, { length }) => sum + length, 0)
  }

  /** Requests that are held are taken, and no more are held. */
  release(): void {
    this.#released.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const lane = (request.url ?? '').slice(1)
    response.once('close', () => {
      if (!response.writableFinished) this.aborted += 1
    })
    const body = await buffer(request)
    const messages = body.toString().trimEnd().split('\n')
    this.requests.push({ lane, count: messages.length, atMs: performance.now() })
    const present = (this.#present.get(lane) ?? 0) + 1
    this.#present.set(lane, present)
    assert.equal(present, 1, `${lane}: two batches at the same time`)
    this.mostRequests = Math.max(
      this.mostRequests,
      [...this.#present.values()].reduce((sum, n) => sum + n, 0),
    )
    // Another request may arrive before this one is answered.
    await setImmediate()
    let trouble = this.#trouble(lane, body.length)
    if (trouble === 'hold') {
      await Promise.race([this.#released.promise, once(response, 'close')])
      trouble = 'take'
    }
    this.#present.set(lane, present - 1)
    if (typeof trouble === 'number') {
      response.writeHead(trouble).end()
      return
    }
    this.#keep(lane, messages, Number(request.headers['first']))
    if (trouble === 'lose') response.destroy()
    else response.writeHead(200, trouble === 'pause' ? { 'pause-ms': '30' } : {}).end()
  }

  #keep(lane: string, messages: readonly string[], first: number): void {
    const kept = this.#lanes.get(lane) ?? []
    this.#lanes.set(lane, kept)
    if (first < kept.length) {
      assert.ok(
        first + messages.length <= kept.length,
        `${lane}: a batch from ${first} on has other messages than before`,
      )
      this.repeats += 1
      return
    }
    assert.equal(first, kept.length, `${lane}: a gap`)
    for (const line of messages) {
      const [key = '', value = ''] = line.split('\t')
      kept.push([key, value])
    }
  }
}
