// The Kafka sink. Messages become record batches, a queue of them for each partition, and leave in Produce requests to the
// brokers that lead the partitions.
//
// Order: a key belongs to one partition, and of a partition one batch is under way at a time, so versions of a row arrive
// in the order in which they were emitted, also over retries and over broken connections: what is sent again begins with the first
// batch that is not known to be written, so whatever of an old connection still arrives later repeats what was seen.
// Durability: `flush` settles when every batch has been acknowledged as the spec's acks say; without acks, when the
// leaders have written them. Memory: `emit` waits
// while more than `maxBufferedBytes` are on their way. Trouble: a request is tried again as the spec's retry says
// (batching/sender.ts); what fails then fails the sink, every later call throws, and the feed starts again from its
// checkpoint. It refuses to drop, to reorder, and to log a key or a value.

import type { KafkaSinkSpec } from './spec.ts'
import type { MessageBatch } from '../../core/message-batch.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Resolved, Sink, SinkStall } from '../sink.ts'
import { BatchSender } from '../batching/sender.ts'
import type { KafkaClient } from './kafka-client.ts'
import type { KafkaLog } from './kafka-log.ts'
import { sinkError } from './kafka-errors.ts'
import type { PartitionQueue } from '../batching/lane.ts'
import { partitionOf } from './partitioner.ts'
import { TopicQueues, TopicReplaced } from './partitions.ts'

export interface KafkaSinkOptions {
  readonly spec: KafkaSinkSpec
  readonly client: KafkaClient
  readonly log: KafkaLog
  /** What waits or is sent fails when it aborts. */
  readonly signal: AbortSignal
  /** New partitions are looked for no more often. */
  readonly refreshMs?: number
}

const maxBufferedBytes = 8 * 1024 * 1024
const defaultRefreshMs = 60_000

export class KafkaSink implements Sink {
  readonly #options: KafkaSinkOptions
  readonly #queues: TopicQueues
  readonly #sender: BatchSender

  constructor(options: KafkaSinkOptions) {
    const { spec, client, log, signal } = options
    this.#options = options
    this.#queues = new TopicQueues(spec, client)
    this.#sender = new BatchSender({ spec, client, log, queues: this.#queues })
    signal.addEventListener('abort', () => this.#sender.fail(signal.reason), { once: true })
  }

  get failed(): AbortSignal {
    return this.#sender.failed
  }

  stalled(nowMs: number): SinkStall | undefined {
    return this.#sender.stalled(nowMs)
  }

  /** Asks for the topics, and for a producer id where acks allow one. */
  async open(): Promise<void> {
    const { spec, client } = this.#options
    const layouts = await this.#queues.refresh()
    // Without acks it would not be heard that a leader refused.
    if (spec.acks === 'none') await client.askLeaders(layouts)
    await this.#sender.open()
  }

  async emit(batch: MessageBatch): Promise<void> {
    this.#sender.check()
    const { count, topics, keyStarts, valueStarts, valueEnds, nilValues, largeTimes } = batch
    const { buffer } = batch.bytes
    const { targets } = this.#queues
    for (let i = 0; i < count; i++) {
      const queues = targets[topics[i] as number] as readonly PartitionQueue[]
      const keyStart = keyStarts[i] as number
      const keyEnd = valueStarts[i] as number
      const partition = queues.length === 1 ? 0 : partitionOf(buffer, keyStart, keyEnd, queues.length)
      const valueEnd = nilValues[i] === 1 ? -1 : (valueEnds[i] as number)
      const time = largeTimes.size === 0 ? undefined : largeTimes.get(i)
      ;(queues[partition] as PartitionQueue).add(buffer, keyStart, keyEnd, valueEnd, time)
    }
    this.#sender.pump()
    while (this.#queues.backlog.bytes > maxBufferedBytes) await this.#hurry()
  }

  async emitResolved(resolved: Resolved): Promise<void> {
    this.#sender.check()
    for (const [index, queues] of this.#queues.topics()) {
      const payload = resolved.payload(index)
      for (const queue of queues) {
        queue.add(payload, -1, 0, payload.length)
        // What is resolved is said at once, however long messages may wait for company.
        queue.close()
      }
    }
    this.#sender.pump()
  }

  async flush(): Promise<void> {
    this.#sender.check()
    while (!this.#queues.backlog.isEmpty) await this.#hurry()
    const { refreshMs = defaultRefreshMs, log } = this.#options
    if (Date.now() - this.#queues.refreshedAtMs < refreshMs) return
    await this.#queues.refresh().catch((error: unknown) => {
      if (error instanceof TopicReplaced) this.#sender.fail(error)
      else log('warn', sinkError('no metadata', error).message)
    })
    this.#sender.check()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sender.fail(new FeedError('FEED_STATE', 'the sink is closed'))
    await this.#options.client[Symbol.asyncDispose]()
  }

  /** Waits until something was delivered, and lets batches leave before they are full. */
  async #hurry(): Promise<void> {
    this.#sender.isHurried = true
    try {
      this.#sender.pump()
      await this.#sender.progress()
    } finally {
      this.#sender.isHurried = false
    }
  }
}
