// The partitions of a sink's topics, a queue each, as metadata says they are. Partitions may be added and leaders may
// move; a topic that was deleted, or made anew under its name, ends the sink: what waits for it belongs nowhere, and the
// feed goes on from its checkpoint with the topic as it is then.

import type { KafkaSinkSpec } from './spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { Backlog } from '../batching/backlog.ts'
import { BatchPool } from '../batching/spare-bodies.ts'
import type { KafkaClient } from './kafka-client.ts'
import { topicError } from './kafka-errors.ts'
import type { TopicLayout } from './metadata.ts'
import { PartitionQueue, type QueueLimits } from '../batching/lane.ts'
import { recordHeaders } from './record-batch.ts'

/** Below the brokers' usual limit of 1 MiB with room for the header. */
export const maxBatchBytes = 900 * 1024

export class TopicQueues {
  readonly backlog = new Backlog<PartitionQueue>()
  readonly #spec: KafkaSinkSpec
  readonly #client: KafkaClient
  readonly #pool: BatchPool
  readonly #limits: QueueLimits
  readonly #ids = new Map<string, string | undefined>()
  readonly #byTopic = new Map<string, PartitionQueue[]>()
  /** By index of the feed's topics. */
  targets: readonly (readonly PartitionQueue[])[] = []
  /** When somebody looked last, with or without success. */
  refreshedAtMs = 0

  constructor(spec: KafkaSinkSpec, client: KafkaClient) {
    const { maxMessages = 0, maxBytes = 0 } = spec.flush
    this.#spec = spec
    this.#client = client
    this.#pool = new BatchPool(recordHeaders(spec.headers ?? []))
    this.#limits = {
      bytes: maxBytes > 0 ? Math.min(maxBytes, maxBatchBytes) : maxBatchBytes,
      messages: maxMessages > 0 ? maxMessages : Number.POSITIVE_INFINITY,
    }
  }

  /** Each topic once, also where several targets share it: the index of its first target, and its partitions. */
  *topics(): Generator<[number, readonly PartitionQueue[]]> {
    const seen = new Set<readonly PartitionQueue[]>()
    for (const [index, queues] of this.targets.entries()) {
      if (!seen.has(queues)) yield [index, queues]
      seen.add(queues)
    }
  }

  /** Looks where the partitions are, and how many. Throws what is wrong with a topic when the others are up to date. */
  async refresh(): Promise<ReadonlyMap<string, TopicLayout>> {
    this.refreshedAtMs = Date.now()
    const answers = await this.#client.topics([...new Set(this.#spec.topics)])
    const layouts = new Map<string, TopicLayout>()
    let trouble: FeedError | undefined
    for (const [topic, answer] of answers) {
      if ('code' in answer) trouble ??= topicError(topic, answer.code, this.#spec)
      else {
        this.#update(topic, answer)
        layouts.set(topic, answer)
      }
    }
    this.targets = this.#spec.topics.map((topic) => this.#byTopic.get(topic) ?? [])
    if (trouble !== undefined) throw trouble
    return layouts
  }

  #update(topic: string, { id, leaders }: TopicLayout): void {
    const queues = this.#byTopic.get(topic)
    if (queues === undefined) {
      this.#ids.set(topic, id)
      this.#byTopic.set(topic, [])
      this.#grow(topic, leaders)
      return
    }
    if (leaders.length < queues.length || this.#ids.get(topic) !== id) throw new TopicReplaced(topic)
    for (const queue of queues) queue.leader = leaders[queue.partition] ?? -1
    // Keys move to other partitions only while none is under way.
    if (this.backlog.isEmpty) this.#grow(topic, leaders)
  }

  #grow(topic: string, leaders: readonly number[]): void {
    const queues = this.#byTopic.get(topic) ?? []
    for (let partition = queues.length; partition < leaders.length; partition++) {
      queues.push(
        new PartitionQueue({
          topic,
          partition,
          leader: leaders[partition] ?? -1,
          pool: this.#pool,
          backlog: this.backlog,
          limits: this.#limits,
        }),
      )
    }
  }
}

export class TopicReplaced extends FeedError {
  constructor(topic: string) {
    super('FEED_SINK', `topic ${topic} was deleted and made anew under the changefeed: it goes on from its checkpoint`)
  }
}
