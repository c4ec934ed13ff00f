// Fetches the messages of topics that come after given offsets, from the brokers that lead their partitions.

import { setTimeout as delay } from 'node:timers/promises'
import {
  fetchV17,
  listOffsetsV9,
  ListOffsetTimestamps,
  ResponseError,
  type Base,
  type Broker,
  type ClusterMetadata,
} from '@platformatic/kafka'
import type { TopicOffsets } from './topic-offsets.ts'

export interface TopicMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [unknown, unknown])[]
}

export interface TopicFetcherOptions {
  readonly client: Base
  /** They move on with what is taken. */
  readonly offsets: TopicOffsets
  readonly take: (message: TopicMessage) => void
}

interface RecordBatch {
  readonly firstOffset: bigint
  readonly records: readonly {
    readonly offsetDelta: number
    readonly key: unknown
    readonly value: unknown
    readonly headers: TopicMessage['headers']
  }[]
}

/** Kafka's number for an offset that the partition does not have. */
const outOfRange = 1
const maxBytes = 8 * 1024 * 1024
export const idleWaitMs = 100

export class TopicFetcher {
  readonly #client: Base
  readonly #offsets: TopicOffsets
  readonly #take: (message: TopicMessage) => void

  constructor({ client, offsets, take }: TopicFetcherOptions) {
    this.#client = client
    this.#offsets = offsets
    this.#take = take
  }

  /** Returns how many messages came. Waits for some, for a moment. */
  async fetch(metadata: ClusterMetadata): Promise<number> {
    const leaders = new Set(
      [...metadata.topics.values()].flatMap(({ partitions }) => partitions.map(({ leader }) => leader)),
    )
    const fetching = [...leaders].map((leader) => this.#fetchFrom(leader, metadata))
    // None of them may still be under way when the topics are looked at again.
    await Promise.allSettled(fetching)
    const counts = await Promise.all(fetching)
    if (counts.length === 0) await delay(idleWaitMs)
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async #fetchFrom(leader: number, metadata: ClusterMetadata): Promise<number> {
    const broker = metadata.brokers.get(leader)
    if (broker === undefined) return 0
    const names = new Map<string, string>()
    const topics = [...metadata.topics].map(([name, { id, partitions }]) => {
      names.set(id, name)
      const led = [...partitions.keys()].filter((partition) => partitions[partition]?.leader === leader)
      return {
        topicId: id,
        partitions: led.map((partition) => ({
          partition,
          currentLeaderEpoch: -1,
          fetchOffset: this.#offsets.next(name, partition) ?? 0n,
          lastFetchedEpoch: -1,
          partitionMaxBytes: maxBytes,
        })),
      }
    })
    const connection = await this.#client.connections.get(broker)
    const response = await fetchV17.api
      .async(connection, idleWaitMs, 1, maxBytes, 0, 0, -1, topics, [], '')
      .catch(async (error: unknown) => {
        if (error instanceof ResponseError)
          await this.#moveToStart(broker, names, error['response'] as fetchV17.FetchResponse)
        // What the other partitions had is fetched again.
        throw error
      })
    let count = 0
    for (const { topicId, partitions } of response.responses) {
      const topic = names.get(topicId) ?? ''
      for (const { partitionIndex: partition, records } of partitions) {
        for (const batch of records ?? []) count += this.#takeBatch(topic, partition, batch)
      }
    }
    return count
  }

  /** Partitions that do not have the offset that was asked for are read from their first message. */
  async #moveToStart(
    broker: Broker,
    names: ReadonlyMap<string, string>,
    { responses }: fetchV17.FetchResponse,
  ): Promise<void> {
    for (const { topicId, partitions } of responses) {
      const name = names.get(topicId) ?? ''
      for (const { partitionIndex: partition, errorCode } of partitions) {
        if (errorCode !== outOfRange) continue
        this.#offsets.moveToStart(name, partition, await this.#startOf(broker, name, partition))
      }
    }
  }

  async #startOf(broker: Broker, name: string, partition: number): Promise<bigint> {
    const connection = await this.#client.connections.get(broker)
    const asked = { partitionIndex: partition, currentLeaderEpoch: -1, timestamp: ListOffsetTimestamps.EARLIEST }
    const { topics } = await listOffsetsV9.api.async(connection, -1, 0, [{ name, partitions: [asked] }])
    const start = topics[0]?.partitions[0]?.offset
    if (start === undefined) throw new Error(`the broker does not say where ${name} ${partition} begins`)
    return start
  }

  /** A batch may begin before the offset that was asked for. */
  #takeBatch(topic: string, partition: number, { firstOffset, records }: RecordBatch): number {
    let count = 0
    for (const { offsetDelta, key, value, headers } of records) {
      const offset = firstOffset + BigInt(offsetDelta)
      if (offset < (this.#offsets.next(topic, partition) ?? 0n)) continue
      this.#offsets.move(topic, partition, offset + 1n)
      count += 1
      this.#take({ topic, partition, offset, key: copy(key), value: copy(value), headers })
    }
    return count
  }
}

function copy(bytes: unknown): Buffer | null {
  return bytes === null || bytes === undefined ? null : Buffer.from(bytes as Buffer)
}
