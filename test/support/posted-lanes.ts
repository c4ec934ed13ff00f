// A second client of src/sink/batching, for its tests: each batch is posted to an HTTP server as lines of text, each lane to a path of its
// own. It shares nothing with Kafka.

import { ByteWriter } from '../../src/bytes/byte-writer.ts'
import { FeedError } from '../../src/errors/feed-error.ts'
import { BatchingSink, type BatchingSinkOptions } from '../../src/sink/batching/batching-sink.ts'
import type { BatchLimits } from '../../src/sink/batching/lane.ts'
import type { BatchBody, Delivery, LaneClient, SendResult } from '../../src/sink/batching/lane-client.ts'
import { Lanes } from '../../src/sink/batching/lanes.ts'

/** A line for each message: key, tab, value. */
export class Lines implements BatchBody<Lines> {
  readonly #out = new ByteWriter(1024)
  count = 0

  get bytes(): number {
    return this.#out.length
  }

  get capacity(): number {
    return this.#out.buffer.length
  }

  add(bytes: Uint8Array, keyStart: number, keyEnd: number, valueEnd: number): void {
    if (keyStart >= 0) this.#out.copy(bytes, keyStart, keyEnd)
    this.#out.u8(0x09)
    if (valueEnd >= 0) this.#out.copy(bytes, keyEnd, valueEnd)
    this.#out.u8(0x0a)
    this.count += 1
  }

  halves(): [Lines, Lines] {
    const [former, latter] = [new Lines(), new Lines()]
    former.count = Math.floor(this.count / 2)
    latter.count = this.count - former.count
    const text = this.#out.view()
    let middle = 0
    for (let n = 0; n < former.count; n++) middle = text.indexOf(0x0a, middle) + 1
    former.#out.copy(text, 0, middle)
    latter.#out.copy(text, middle, text.length)
    return [former, latter]
  }

  clear(): void {
    this.#out.clear()
    this.count = 0
  }

  /** The lines, as bytes that later messages do not change. */
  copy(): Buffer<ArrayBuffer> {
    return Buffer.from(this.#out.view())
  }
}

export interface PostedOptions extends Partial<
  Pick<BatchingSinkOptions<string, Lines>, 'flush' | 'retry' | 'request' | 'signal' | 'warn'>
> {
  /** By route. A lane has the route of its number, modulo as many. */
  readonly urls: readonly string[]
  /** Number of lanes; all topics share them. */
  readonly lanes: number
  readonly limits?: Partial<BatchLimits>
  readonly budgetBytes?: number
}

export function postedLanes(options: PostedOptions): BatchingSink<string, Lines> {
  const { urls, limits, budgetBytes = 1_000_000 } = options
  const lanes = new Lanes<string, Lines>({
    newBody: () => new Lines(),
    limits: { bytes: 100_000, messages: Number.POSITIVE_INFINITY, ...limits },
    budgetBytes,
  })
  const all = Array.from({ length: options.lanes }, (_, i) => lanes.make(`lane${i}`, i % urls.length))
  return new BatchingSink({
    client: new Poster(urls),
    lanes,
    map: { byTopic: [all], laneOf, resolvedLanes: () => [[0, all.slice(0, 1)]] },
    flush: options.flush ?? { messages: 0, bytes: 0, frequencyMs: 0 },
    request: options.request ?? { perRoute: 2, lanes: 1, bytes: 100_000, messages: 100_000 },
    retry: options.retry ?? { max: Number.POSITIVE_INFINITY, backoffMs: 1 },
    warn: options.warn ?? (() => undefined),
    signal: options.signal ?? new AbortController().signal,
    close: async () => undefined,
  })
}

/** Keys of these tests are numbers in brackets: `[12]`. */
function laneOf(bytes: Uint8Array, start: number, end: number, lanes: number): number {
  return Number(Buffer.from(bytes.buffer, bytes.byteOffset + start + 1, end - start - 2).toString()) % lanes
}

class Poster implements LaneClient<string, Lines> {
  readonly name = 'the test server'
  readonly #urls: readonly string[]

  constructor(urls: readonly string[]) {
    this.#urls = urls
  }

  async send(route: number, deliveries: readonly Delivery<string, Lines>[], signal: AbortSignal): Promise<SendResult> {
    const [delivery] = deliveries
    if (delivery === undefined || deliveries.length > 1) throw new FeedError('FEED_BUG', 'a request has one lane')
    const { place, body, first } = delivery
    const url = `${this.#urls[route]}/${place}`
    const response = await fetch(url, { method: 'POST', headers: { first: `${first}` }, body: body.copy(), signal })
    const answer = await response.text()
    const pauseMs = Number(response.headers.get('pause-ms') ?? 0)
    if (response.ok) return { outcomes: [{ tag: 'delivered' }], pauseMs }
    if (response.status === 413) return { outcomes: [{ tag: 'too-large' }], pauseMs }
    const error = new FeedError('FEED_SINK', `the test server answered ${response.status}${answer}`)
    return { outcomes: [{ tag: response.status < 500 ? 'refused' : 'failed', error }], pauseMs }
  }

  tooLarge({ place, body }: Delivery<string, Lines>): FeedError {
    return new FeedError('FEED_SINK', `a message of ${body.bytes} bytes is too large for ${place}`)
  }

  toError(error: unknown): FeedError {
    return error instanceof FeedError ? error : new FeedError('FEED_SINK', `posting failed: ${String(error)}`)
  }
}
