// Reads topics from their beginning on, without a consumer group: topics and partitions that come later are found, and a
// broker that goes away and comes back is read on from where it was. Where that is not possible, because the topic is another one of
// the same name or the next message was deleted, the reader ends with an error, unless it was opened to start again.

import { setTimeout as delay } from 'node:timers/promises'
import {
  Base,
  fetchV17,
  listOffsetsV9,
  ListOffsetTimestamps,
  ResponseError,
  type Broker,
  type ClusterMetadata,
} from '@platformatic/kafka'

export interface TopicMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [unknown, unknown])[]
}

export interface TopicReaderOptions {
  /**
   * Says in a sentence why a topic or a partition is read from its start again, before that happens. Undefined: it is an error, because
   * who counts messages must neither get some twice nor miss some.
   */
  readonly onRestart?: ((why: string) => void) | undefined
  /** Says when no broker answers, and when one answers again. */
  readonly onBroker?: ((answers: boolean) => void) | undefined
}

/** Kafka's number for an offset that the partition does not have. */
const outOfRange = 1
const maxBytes = 8 * 1024 * 1024
const idleWaitMs = 100
const lookEveryMs = 1000

export class TopicReader implements AsyncDisposable {
  readonly #client: Base
  readonly #topics: readonly string[]
  readonly #take: (message: TopicMessage) => void
  readonly #options: TopicReaderOptions
  /** Next offset by topic and partition. */
  readonly #offsets = new Map<string, bigint>()
  /** Of the topics whose offsets these are; a topic that is made anew has another one. */
  readonly #ids = new Map<string, string>()
  #answers: boolean | undefined
  /** The reader has ended with it. */
  #failure: Error | undefined
  #isClosed = false
  #ended: Promise<void>
  #round = 0
  /** The last one that asked for all topics and got nothing. */
  #emptyRound = 0

  constructor(
    bootstrap: string,
    topics: readonly string[],
    take: (message: TopicMessage) => void,
    options: TopicReaderOptions = {},
  ) {
    this.#client = new Base({
      clientId: 'test-reader',
      bootstrapBrokers: [bootstrap],
      retries: 0,
      connectTimeout: 2000,
    })
    this.#topics = topics
    this.#take = take
    this.#options = options
    this.#ended = this.#run()
  }

  /** Rejects with the error with which the reader has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#client.close().catch(() => undefined)
    await this.#ended
    if (this.#failure !== undefined) throw this.#failure
  }

  /** What is in the topics now has been read. Rejects with the error with which the reader has ended. */
  async drained(withinMs: number): Promise<void> {
    // The round that is under way may have asked before.
    const from = this.#round + 1
    const deadline = Date.now() + withinMs
    while (this.#emptyRound < from) {
      if (this.#failure !== undefined) throw this.#failure
      if (Date.now() > deadline)
        throw new Error(`not within ${withinMs} ms: ${this.#topics.join(', ')} read to the end`)
      await delay(10)
    }
  }

  async #run(): Promise<void> {
    let metadata: ClusterMetadata | undefined
    let lookedAtMs = 0
    while (!this.#isClosed && this.#failure === undefined) {
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
    const all = await this.#askBroker()
    const known = { ...all, topics: new Map(all.topics) }
    known.topics.clear()
    for (const topic of this.#topics) {
      const one = await this.#client
        .metadata({ topics: [topic], autocreateTopics: false, forceUpdate: true })
        .catch(() => undefined)
      const found = one?.topics.get(topic)
      if (found === undefined) continue
      this.#checkId(topic, found.id)
      known.topics.set(topic, found)
    }
    return known
  }

  async #askBroker(): Promise<ClusterMetadata> {
    try {
      const all = await this.#client.metadata({ topics: [], autocreateTopics: false, forceUpdate: true })
      this.#noteAnswers(true)
      return all
    } catch (error) {
      this.#noteAnswers(false)
      throw error
    }
  }

  #noteAnswers(answers: boolean): void {
    if (this.#answers !== answers && !this.#isClosed) this.#options.onBroker?.(answers)
    this.#answers = answers
  }

  #checkId(topic: string, id: string): void {
    const places = [...this.#offsets.keys()].filter((place) => place.startsWith(`${topic} `))
    if (this.#ids.get(topic) !== id && places.length > 0) {
      this.#restart(`topic ${topic} was made anew`)
      for (const place of places) this.#offsets.delete(place)
    }
    this.#ids.set(topic, id)
  }

  #restart(why: string): void {
    if (this.#options.onRestart !== undefined) return this.#options.onRestart(why)
    this.#failure = new Error(`${why}, and this reader has read messages of before`)
    throw this.#failure
  }

  async #fetch(metadata: ClusterMetadata): Promise<number> {
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
          fetchOffset: this.#offsets.get(`${name} ${partition}`) ?? 0n,
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
        for (const batch of records ?? []) count += this.#batch(topic, partition, batch)
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
        const place = `${name} ${partition}`
        const next = this.#offsets.get(place)
        const start = await this.#startOf(broker, name, partition)
        if (next !== undefined)
          this.#restart(
            `partition ${partition} of topic ${name} does not have offset ${next} and begins with ${start} now`,
          )
        this.#offsets.set(place, start)
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
