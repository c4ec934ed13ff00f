// An HTTP server that takes the batches of posted-lanes.ts and keeps their messages, with the troubles that a test wants. It counts
// the messages of each lane, so it discards a batch that it has, and notices a gap, or two batches of a lane at the same time.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'

/**
 * What happens to a request: `take`; a status, with which it is refused; `lose` takes the batch and loses the answer; `pause`
 * takes it and asks for a pause of 30 ms.
 */
export type Trouble = 'take' | 'lose' | 'pause' | 401 | 413 | 503

export interface PostedMessage {
  /** Undefined: a resolved message. */
  readonly key: string | undefined
  readonly value: Buffer | null
}

export class PostServer implements AsyncDisposable {
  readonly #server: Server
  readonly #trouble: (size: number) => Trouble
  /** By topic and lane. */
  readonly #lanes = new Map<string, PostedMessage[]>()
  /** How many messages each lane of each sink has. */
  readonly #counts = new Map<string, number>()
  readonly #present = new Map<string, number>()
  #broken: PromiseWithResolvers<void> | undefined
  readonly #bugs: unknown[] = []
  /** All requests, whatever became of them. */
  readonly requests: { readonly lane: string; readonly count: number; readonly atMs: number }[] = []
  /** Batches that had been taken before. */
  repeats = 0
  /** Requests that the client gave up. */
  aborted = 0
  /** Requests at the same time. */
  mostPresent = 0

  private constructor(trouble: (size: number) => Trouble) {
    this.#trouble = trouble
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        this.#bugs.push(error)
        response.writeHead(400).end(`: ${String(error)}`)
      })
    })
  }

  static async start(trouble: (size: number) => Trouble = () => 'take'): Promise<PostServer> {
    const server = new PostServer(trouble)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The messages that were taken, by topic and lane. Throws what the server noticed. */
  get lanes(): ReadonlyMap<string, readonly PostedMessage[]> {
    if (this.#bugs.length > 0) throw new AggregateError(this.#bugs)
    return this.#lanes
  }

  get count(): number {
    return [...this.lanes.values()].reduce((sum, { length }) => sum + length, 0)
  }

  /** From here on requests are neither taken nor answered, until the server is mended. */
  break(): void {
    this.#broken ??= Promise.withResolvers()
  }

  mend(): void {
    this.#broken?.resolve()
    this.#broken = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, sink = '', topic = '', lane = ''] = (request.url ?? '').split('/')
    const messages = parse(await buffer(request))
    const path = `${topic}/${lane}`
    if (request.method === 'POST') this.requests.push({ lane: path, count: messages.length, atMs: performance.now() })
    const present = (this.#present.get(path) ?? 0) + 1
    this.#present.set(path, present)
    const size = Number(request.headers['content-length'] ?? 0)
    this.mostPresent = Math.max(
      this.mostPresent,
      [...this.#present.values()].reduce((sum, n) => sum + n, 0),
    )
    // Another request may arrive before this one is answered.
    await setImmediate()
    if (this.#broken !== undefined) await Promise.race([this.#broken.promise, once(response, 'close')])
    this.#present.set(path, (this.#present.get(path) ?? 0) - 1)
    if (response.destroyed) {
      this.aborted += 1
      return
    }
    assert.equal(present, 1, `${path}: two batches at the same time`)
    const trouble = request.method === 'POST' ? this.#trouble(size) : 'take'
    if (typeof trouble === 'number') {
      response.writeHead(trouble).end()
      return
    }
    this.#keep(`${sink}/${path}`, path, messages, Number(request.headers['first'] ?? 0))
    if (trouble === 'lose') response.destroy()
    else response.writeHead(200, trouble === 'pause' ? { 'pause-ms': '30' } : {}).end()
  }

  #keep(counted: string, path: string, messages: readonly PostedMessage[], first: number): void {
    const count = this.#counts.get(counted) ?? 0
    if (first < count) {
      assert.ok(first + messages.length <= count, `${path}: the batch from ${first} on has other messages than before`)
      this.repeats += 1
      return
    }
    assert.equal(first, count, `${path}: a gap`)
    this.#counts.set(counted, count + messages.length)
    const kept = this.#lanes.get(path) ?? []
    this.#lanes.set(path, kept)
    kept.push(...messages)
  }
}

function parse(body: Buffer): PostedMessage[] {
  const messages: PostedMessage[] = []
  for (let at = 0; at < body.length;) {
    const keyBytes = body.readInt32BE(at)
    const valueBytes = body.readInt32BE(at + 4)
    const keyEnd = at + 8 + Math.max(keyBytes, 0)
    const end = keyEnd + Math.max(valueBytes, 0)
    messages.push({
      key: keyBytes < 0 ? undefined : body.toString('utf8', at + 8, keyEnd),
      value: valueBytes < 0 ? null : body.subarray(keyEnd, end),
    })
    at = end
  }
  return messages
}
