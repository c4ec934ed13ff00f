// A consumer of one topic with one partition that waits as little as Kafka allows: the next fetch is under way as soon as
// the last has come, and the broker answers it with the first byte.

import { setTimeout as delay } from 'node:timers/promises'
import { Base, fetchV17, type Connection } from '@platformatic/kafka'
import type { KafkaBroker } from '../test/services/kafka/kafka-broker.ts'

const maxWaitMs = 500
const maxBytes = 8 * 1024 * 1024
const lookAgainMs = 20

export class TopicTail implements AsyncDisposable {
  readonly #client: Base
  readonly #topic: string
  readonly #take: (key: Buffer) => void
  readonly #ended: Promise<void>
  #isClosed = false
  #next = 0n

  /** `take` is given the key of each message that has one, from the beginning on. */
  constructor(broker: KafkaBroker, topic: string, take: (key: Buffer) => void) {
    this.#client = new Base({ clientId: 'bench-tail', bootstrapBrokers: [broker.bootstrap], retries: 0 })
    this.#topic = topic
    this.#take = take
    this.#ended = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#client.close()
    await this.#ended
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#read()
      } catch {
        // A topic that was made just now has no leader yet.
        await delay(lookAgainMs)
      }
    }
  }

  async #read(): Promise<void> {
    const { topicId, connection } = await this.#find()
    while (!this.#isClosed) {
      const partition = {
        partition: 0,
        currentLeaderEpoch: -1,
        fetchOffset: this.#next,
        lastFetchedEpoch: -1,
        partitionMaxBytes: maxBytes,
      }
      const wanted = [{ topicId, partitions: [partition] }]
      const { responses } = await fetchV17.api.async(connection, maxWaitMs, 1, maxBytes, 0, 0, -1, wanted, [], '')
      for (const { firstOffset, records } of responses[0]?.partitions[0]?.records ?? []) {
        for (const { offsetDelta, key } of records) {
          const offset = firstOffset + BigInt(offsetDelta)
          if (offset < this.#next) continue
          this.#next = offset + 1n
          if (key !== null) this.#take(key as Buffer)
        }
      }
    }
  }

  /** The topic may be made only by its first message. */
  async #find(): Promise<{ readonly topicId: string; readonly connection: Connection }> {
    const metadata = await this.#client.metadata({ topics: [this.#topic], autocreateTopics: false, forceUpdate: true })
    const topic = metadata.topics.get(this.#topic)
    const [broker] = metadata.brokers.values()
    if (topic === undefined || broker === undefined) throw new Error(`there is no topic ${this.#topic} yet`)
    return { topicId: topic.id, connection: await this.#client.connections.get(broker) }
  }
}
