// A sink that discards all messages, for measuring everything else.

import { countDelivered, feedMeter, type FeedMeter } from '../../core/feed-meter.ts'
import type { MessageBatch } from '../../core/message-batch.ts'
import type { SinkSpec } from '../../core/feed-spec.ts'
import type { Resolved, Sink } from '../sink.ts'
import type { SinkOpening } from '../sink-facts.ts'

export async function open(_spec: SinkSpec, { meter }: Pick<SinkOpening, 'meter'>): Promise<Sink> {
  return new NullSink(meter)
}

export class NullSink implements Sink {
  readonly #meter: FeedMeter

  constructor(meter = feedMeter()) {
    this.#meter = meter
  }

  emit({ count, bytes, committedMs }: MessageBatch): Promise<void> {
    countDelivered(this.#meter, { messages: count, bytes: bytes.length, committedMs, emittedAtMs: performance.now() })
    return done
  }

  emitResolved(resolved: Resolved): Promise<void> {
    this.#meter.count('flushedBytes', resolved.payload(0).length)
    return done
  }

  flush(): Promise<void> {
    return done
  }

  [Symbol.asyncDispose](): Promise<void> {
    return done
  }
}

const done = Promise.resolve()
