// The partitions of a sink's topics as the brokers describe them; each is a lane. Partitions may be added and leaders may
// move. A topic that was deleted, or deleted and created again, ends the sink: messages that wait for it belong nowhere, and
// the feed continues from its checkpoint with the topic as it is then.

import type { KafkaSinkSpec, Partition } from './spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { LaneMap } from '../batching/batching-sink.ts'
import type { Lane } from '../batching/lane.ts'
import type { Lanes } from '../batching/lanes.ts'
import type { KafkaClient } from './kafka-client.ts'
import { kafkaCode, sinkError, topicError } from './kafka-errors.ts'
import type { SinkLog } from '../sink-facts.ts'
import type { TopicLayout } from './metadata.ts'
import { partitionOf } from './partitioner.ts'
import type { RecordBatch } from './record-batch.ts'

export interface PartitionsOptions {
  readonly spec: KafkaSinkSpec
  readonly client: KafkaClient
  readonly lanes: Lanes<Partition, RecordBatch>
  readonly log: SinkLog
  /** A flush asks for new partitions no more often than this. */
  readonly refreshMs: number
}

type PartitionLane = Lane<Partition, RecordBatch>

export class TopicPartitions implements LaneMap<Partition, RecordBatch> {
  readonly laneOf = partitionOf
  byTopic: readonly (readonly PartitionLane[])[] = []
  readonly #options: PartitionsOptions
  readonly #ids = new Map<string, string | undefined>()
  readonly #byName = new Map<string, PartitionLane[]>()
  /** The topics that the brokers did not know when they were last asked. */
  readonly #missing = new Set<string>()
  /** When the brokers were last asked, with or without success. */
  #refreshedAtMs = 0

  constructor(options: PartitionsOptions) {
    this.#options = options
  }

  /** All partitions of each topic. Targets of the feed may share a topic, which then has the index of the first of them. */
  *resolvedLanes(): Generator<[number, readonly PartitionLane[]]> {
    const seen = new Set<readonly PartitionLane[]>()
    for (const [topic, lanes] of this.byTopic.entries()) {
      if (!seen.has(lanes)) yield [topic, lanes]
      seen.add(lanes)
    }
  }

  /**
   * Asks the brokers which partitions there are and who leads them. If a topic has an error, the error is thrown after
   * the other topics have been brought up to date.
   */
  async refresh(): Promise<ReadonlyMap<string, TopicLayout>> {
    const { spec, client } = this.#options
    this.#refreshedAtMs = Date.now()
    const answers = await client.topics([...new Set(spec.topics)])
    const layouts = new Map<string, TopicLayout>()
    let firstError: FeedError | undefined
    for (const [topic, answer] of answers) {
      this.#missing.delete(topic)
      if ('code' in answer) {
        firstError ??= topicError(topic, answer.code, spec)
        if (answer.code === kafkaCode.unknownTopic) this.#missing.add(topic)
      } else {
        this.#update(topic, answer)
        layouts.set(topic, answer)
      }
    }
    this.byTopic = spec.topics.map((topic) => this.#byName.get(topic) ?? [])
    if (firstError !== undefined) throw firstError
    return layouts
  }

  /** Like `refresh`, but throws only what ends the sink. Anything else may be over at the next attempt, and is logged. */
  async tryRefresh(): Promise<void> {
    await this.refresh().catch((error: unknown) => {
      if (error instanceof TopicReplaced) throw error
      this.#options.log('warn', sinkError('no metadata', error).message)
    })
  }

  /**
   * Whether the topic was deleted, as far as is known. Nothing may be sent to it before the brokers know it again: Produce names
   * topics and not their ids, so a topic that is created meanwhile would get later messages before earlier ones.
   */
  isMissing(topic: string): boolean {
    return this.#missing.has(topic)
  }

  async whenEmpty(): Promise<void> {
    if (Date.now() - this.#refreshedAtMs >= this.#options.refreshMs) await this.tryRefresh()
  }

  #update(topic: string, { id, leaders }: TopicLayout): void {
    const lanes = this.#byName.get(topic)
    if (lanes === undefined) {
      this.#ids.set(topic, id)
      const first: PartitionLane[] = []
      this.#byName.set(topic, first)
      this.#grow(topic, first, leaders)
      return
    }
    if (leaders.length < lanes.length || this.#ids.get(topic) !== id) throw new TopicReplaced(topic)
    for (const lane of lanes) lane.route = leaders[lane.place.partition] ?? -1
    // With more partitions, keys move to other partitions. Their messages must not overtake earlier ones.
    if (this.#options.lanes.backlog.isEmpty) this.#grow(topic, lanes, leaders)
  }

  #grow(topic: string, lanes: PartitionLane[], leaders: readonly number[]): void {
    for (let partition = lanes.length; partition < leaders.length; partition++)
      lanes.push(this.#options.lanes.make({ topic, partition }, leaders[partition] ?? -1))
  }
}

class TopicReplaced extends FeedError {
  constructor(topic: string) {
    super('FEED_SINK', `topic ${topic} was deleted and made anew under the changefeed: it goes on from its checkpoint`)
  }
}
