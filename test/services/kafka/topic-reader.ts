// Reads topics from their beginning on, without a consumer group: topics and partitions that come later are found, and a
// broker that goes away and comes back is read on from where it was.

import { setTimeout as delay } from 'node:timers/promises'
import { Base, fetchV17, type ClusterMetadata } from '@platformatic/kafka'

export interface TopicMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [unknown, unknown])[]
}

const maxBytes = 8 * 1024 * 1024
const idleWaitMs = 100
const lookEveryMs = 1000

export class TopicReader implements AsyncDisposable {
  readonly #client: Base
  readonly #topics: readonly string[]
  readonly #take: (message: TopicMessage) => void
  /** Next offset by topic and partition. */
  readonly #offsets = new Map<string, bigint>()
  #isClosed = false
  #ended: Promise<void>
  #round = 0
  /** The last one that asked for all topics and got nothing. */
  #emptyRound = 0

  constructor(bootstrap: string, topics: readonly string[], take: (message: TopicMessage) => void) {
    this.#client = new Base({
      clientId: 'test-reader',
      bootstrapBrokers: [bootstrap],
      retries: 0,
      connectTimeout: 2000,
    })
    this.#topics = topics
    this.#take = take
    this.#ended = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#client.close().catch(() => undefined)
    await this.#ended
  }

  /** What is in the topics now has been read. */
  async drained(withinMs: number): Promise<void> {
    // The round that is under way may have asked before.
    const from = this.#round + 1
    const deadline = Date.now() + withinMs
    while (this.#emptyRound < from) {
      if (Date.now() > deadline)
        throw new Error(`not within ${withinMs} ms: ${this.#topics.join(', ')} read to the end`)
      await delay(10)
    }
  }

  async #run(): Promise<void> {
    let metadata: ClusterMetadata | undefined
    let lookedAtMs = 0
    while (!this.#isClosed) {
      try {
        if (metadata === undefined || Date.now() - lookedAtMs > lookEveryMs) {
          metadata = await this.#look()
          lookedAtMs = Date.now()
        }
        const round = ++this.#round
        const count = await this.#fetch(metadata)
        if (count === 0 && metadata.topics.size === this.#topics.length) this.#emptyRound = round
        if (count === 0 && metadata.topics.size < this.#topics.length) await delay(idleWaitMs)
      } catch {
        // The broker is down, or the topic is just being made.
        metadata = undefined
        await delay(idleWaitMs)
      }
    }
  }

  async #look(): Promise<ClusterMetadata> {
    const all = await this.#client.metadata({ topics: [], autocreateTopics: false, forceUpdate: true })
    const known = { ...all, topics: new Map(all.topics) }
    known.topics.clear()
    for (const topic of this.#topics) {
      const one = await this.#client
        .metadata({ topics: [topic], autocreateTopics: false, forceUpdate: true })
        .catch(() => undefined)
      const found = one?.topics.get(topic)
      if (found !== undefined) known.topics.set(topic, found)
    }
    return known
  }

  async #fetch(metadata: ClusterMetadata): Promise<number> {
    const leaders = new Set(
      [...metadata.topics.values()].flatMap(({ partitions }) => partitions.map(({ leader }) => leader)),
    )
    const counts = await Promise.all([...leaders].map((leader) => this.#fetchFrom(leader, metadata)))
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
          fetchOffset: this.#offsets.get(`${name} ${partition}`) ?? 0n,
          lastFetchedEpoch: -1,
          partitionMaxBytes: maxBytes,
        })),
      }
    })
    const connection = await this.#client.connections.get(broker)
    const response = await fetchV17.api.async(connection, idleWaitMs, 1, maxBytes, 0, 0, -1, topics, [], '')
    let count = 0
    for (const { topicId, partitions } of response.responses) {
      const topic = names.get(topicId) ?? ''
      for (const { partitionIndex: partition, records } of partitions) {
        for (const batch of records ?? []) count += this.#batch(topic, partition, batch)
      }
    }
    return count
  }

  #batch(
    topic: string,
    partition: number,
    {
      firstOffset,
      records,
    }: {
      firstOffset: bigint
      records: readonly { offsetDelta: number; key: unknown; value: unknown; headers: TopicMessage['headers'] }[]
    },
  ): number {
    const place = `${topic} ${partition}`
    let count = 0
    for (const { offsetDelta, key, value, headers } of records) {
      const offset = firstOffset + BigInt(offsetDelta)
      if (offset < (this.#offsets.get(place) ?? 0n)) continue
      this.#offsets.set(place, offset + 1n)
      count += 1
      this.#take({ topic, partition, offset, key: copy(key), value: copy(value), headers })
    }
    return count
  }
}

function copy(bytes: unknown): Buffer | null {
  return bytes === null || bytes === undefined ? null : Buffer.from(bytes as Buffer)
}
