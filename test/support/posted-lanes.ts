// A second client of src/sink/batching, for its tests: each batch is posted to an HTTP server, each lane to a path of its own. It
// shares nothing with Kafka.

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { ByteWriter } from '../../src/bytes/byte-writer.ts'
import type { FeedMeter } from '../../src/core/feed-meter.ts'
import { FeedError } from '../../src/errors/feed-error.ts'
import { BatchingSink, type BatchingSinkOptions } from '../../src/sink/batching/batching-sink.ts'
import type { BatchLimits } from '../../src/sink/batching/lane-client.ts'
import type { BatchBody, Delivery, LaneClient, SendResult } from '../../src/sink/batching/lane-client.ts'
import { Lanes } from '../../src/sink/batching/lanes.ts'

/** For each message: the lengths of key and value (-1: there is none), and their bytes. */
export class PostBody implements BatchBody<PostBody> {
  readonly #out = new ByteWriter(1024)
  count = 0

  get bytes(): number {
    return this.#out.length
  }

  get capacity(): number {
    return this.#out.buffer.length
  }

  add(bytes: Uint8Array, keyStart: number, keyEnd: number, valueEnd: number): void {
    this.#out.u32be(keyStart < 0 ? -1 : keyEnd - keyStart)
    this.#out.u32be(valueEnd < 0 ? -1 : valueEnd - keyEnd)
    this.#out.copy(bytes, keyStart < 0 ? keyEnd : keyStart, Math.max(keyEnd, valueEnd))
    this.count += 1
  }

  halves(): [PostBody, PostBody] {
    const [former, latter] = [new PostBody(), new PostBody()]
    former.count = Math.floor(this.count / 2)
    latter.count = this.count - former.count
    const all = this.#out.view()
    let middle = 0
    for (let n = 0; n < former.count; n++)
      middle += 8 + Math.max(all.readInt32BE(middle), 0) + Math.max(all.readInt32BE(middle + 4), 0)
    former.#out.copy(all, 0, middle)
    latter.#out.copy(all, middle, all.length)
    return [former, latter]
  }

  clear(): void {
    this.#out.clear()
    this.count = 0
  }

  /** Returns bytes that later messages do not change. */
  copy(): Buffer {
    return Buffer.from(this.#out.view())
  }
}

export interface PostedOptions extends Partial<
  Pick<BatchingSinkOptions<string, PostBody>, 'flush' | 'retry' | 'request' | 'signal' | 'warn'>
> {
  /** By route. A lane has the route of its number, modulo as many. */
  readonly urls: readonly string[]
  readonly topics?: number
  /** Lanes of each topic. */
  readonly lanes: number
  readonly limits?: Partial<BatchLimits>
  readonly budgetBytes?: number
  readonly budgetMessages?: number
  /** A request that takes longer has failed. */
  readonly requestMs?: number
  readonly meter?: FeedMeter | undefined
}

export function postedLanes(options: PostedOptions): BatchingSink<string, PostBody> {
  const { urls, topics = 1, limits, budgetBytes = 1_000_000, requestMs = 60_000 } = options
  const lanes = new Lanes<string, PostBody>({
    newBody: () => new PostBody(),
    limits: { bytes: 100_000, messages: Number.POSITIVE_INFINITY, ...limits },
    budgetBytes,
    meter: options.meter,
    ...(options.budgetMessages === undefined ? {} : { budgetMessages: options.budgetMessages }),
  })
  const sink = randomUUID()
  const byTopic = Array.from({ length: topics }, (_, topic) =>
    Array.from({ length: options.lanes }, (__, i) => lanes.make(`${sink}/${topic}/${i}`, i % urls.length)),
  )
  const poster = new Poster(urls, requestMs)
  return new BatchingSink({
    client: poster,
    lanes,
    map: { byTopic, laneOf, resolvedLanes: () => byTopic.entries() },
    flush: options.flush ?? { messages: 0, bytes: 0, frequencyMs: 0 },
    request: options.request ?? { perRoute: 2, lanes: 1, bytes: 100_000, messages: 100_000 },
    retry: options.retry ?? { max: Number.POSITIVE_INFINITY, backoffMs: 1 },
    warn: options.warn ?? (() => undefined),
    signal: options.signal ?? new AbortController().signal,
    close: () => poster.close(),
  })
}

function laneOf(bytes: Uint8Array, start: number, end: number, lanes: number): number {
  let sum = 0
  for (let i = start; i < end; i++) sum += bytes[i] as number
  return sum % lanes
}

class Poster implements LaneClient<string, PostBody> {
  readonly name = 'the test server'
  readonly #urls: readonly string[]
  readonly #requestMs: number
  readonly #agent = new Agent({ keepAlive: true })

  constructor(urls: readonly string[], requestMs: number) {
    this.#urls = urls
    this.#requestMs = requestMs
  }

  async send(
    route: number,
    deliveries: readonly Delivery<string, PostBody>[],
    ended: AbortSignal,
  ): Promise<SendResult> {
    const [delivery] = deliveries
    if (delivery === undefined || deliveries.length > 1) throw new FeedError('FEED_BUG', 'a request has one lane')
    const { place, body, first } = delivery
    const signal = AbortSignal.any([ended, AbortSignal.timeout(this.#requestMs)])
    const headers = { first: `${first}` }
    const post = request(`${this.#urls[route]}/${place}`, { method: 'POST', agent: this.#agent, headers, signal })
    post.end(body.copy())
    const [response] = (await once(post, 'response')) as [IncomingMessage]
    const answer = await text(response)
    const { statusCode: status = 0 } = response
    const pauseMs = Number(response.headers['pause-ms'] ?? 0)
    if (status === 200) return { outcomes: [{ tag: 'delivered' }], pauseMs }
    if (status === 413) return { outcomes: [{ tag: 'too-large' }], pauseMs }
    const error = new FeedError('FEED_SINK', `the test server answered ${status}${answer}`)
    return { outcomes: [{ tag: status < 500 ? 'refused' : 'failed', error }], pauseMs }
  }

  tooLarge({ body }: Delivery<string, PostBody>): FeedError {
    return new FeedError('FEED_SINK', `a message of ${body.bytes} bytes is too large`)
  }

  toError(error: unknown): FeedError {
    return error instanceof FeedError ? error : new FeedError('FEED_SINK', `posting failed: ${String(error)}`)
  }

  close(): Promise<void> {
    this.#agent.destroy()
    return Promise.resolve()
  }
}
