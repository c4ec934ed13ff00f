// Asks a Kafka cluster for its brokers, its partitions and a producer id. Every broker can answer, so if one hangs or is gone,
// the next one is asked.

import { late, orLate } from '../../async/or-late.ts'
import { setTimeout as delay } from 'node:timers/promises'
import {
  ConfigResourceTypes,
  describeConfigsV4,
  initProducerIdV2,
  listOffsetsV5,
  type Connection,
} from '@platformatic/kafka'
import type { KafkaSinkSpec } from './spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { SinkAddress, SinkLog } from '../sink-facts.ts'
import { brokerAddress } from './broker-address.ts'
import { addressText, KafkaConnections, requestMs } from './kafka-connections.ts'
import { codesOf, flatMessage, kafkaCode, notIdempotent, finalRefusal } from './kafka-errors.ts'
import { fetchMetadata, type Metadata, type TopicAnswer, type TopicLayout } from './metadata.ts'
import { creationRefusals, type CreationRefusal } from './topic-creation.ts'

/** If a broker has not answered within this time, the next one is asked. */
const askMs = 10_000
/** The timestamp that stands for the end of a partition in ListOffsets. */
const latest = -1n
const idAttempts = 25
const idWaitMs = 200

export class KafkaClient implements AsyncDisposable {
  readonly #spec: KafkaSinkSpec
  readonly #log: SinkLog
  readonly #connections: KafkaConnections
  readonly #bootstrap: readonly SinkAddress[]
  #brokers: ReadonlyMap<number, SinkAddress> = new Map()
  /** The broker that answered last, which is asked first. */
  #answered: SinkAddress | undefined

  constructor(spec: KafkaSinkSpec, log: SinkLog = () => undefined, ownRequestMs = requestMs) {
    this.#spec = spec
    this.#log = log
    this.#connections = new KafkaConnections(spec, log, ownRequestMs)
    this.#bootstrap = spec.brokers.map(brokerAddress)
  }

  /** Gets the token that connections need, if any. Throws why there is none. */
  authorize(): Promise<void> {
    return this.#connections.authorize()
  }

  /** Returns an answer for each topic. Topics that are missing are created if the brokers allow it. */
  async topics(names: readonly string[]): Promise<ReadonlyMap<string, TopicAnswer>> {
    const errors: unknown[] = []
    for (const address of this.#candidates()) {
      try {
        const { brokers, topics } = await this.#ask(address, names)
        this.#answered = address
        for (const [id, broker] of brokers) {
          if (!this.#brokers.has(id))
            this.#log('info', `client/brokers registered new broker #${id} at ${addressText(broker)}`)
        }
        this.#brokers = brokers
        return new Map(names.map((name) => [name, topics.get(name) ?? { code: kafkaCode.unknownTopic }]))
      } catch (error) {
        // It is the same with the other brokers.
        const refused = finalRefusal(error)
        if (refused !== undefined) throw refused
        const refusal = this.#connections.refusal(address)
        const text = refusal === undefined ? addressText(address) : `${addressText(address)}: ${refusal}`
        errors.push(flatMessage(error).includes(`${address.host}:`) ? error : new Error(text, { cause: error }))
      }
    }
    throw new AggregateError(errors, '')
  }

  /** Throws while the leader of a partition does not know yet that it leads, in the first moments of a topic. */
  async askLeaders(layouts: ReadonlyMap<string, TopicLayout>): Promise<void> {
    for (const [name, { leaders }] of layouts) {
      for (const [leader, partitions] of Map.groupBy(leaders.keys(), (partition) => leaders[partition] as number)) {
        const asked = partitions.map((index) => ({ partitionIndex: index, currentLeaderEpoch: -1, timestamp: latest }))
        await listOffsetsV5.api.async(await this.connection(leader), -1, 0, [{ name, partitions: asked }])
      }
    }
  }

  /** Returns the settings `keys` of topics. A topic whose settings this user may not read is left out. */
  async settings(
    names: readonly string[],
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    const connection = await this.#anyConnection()
    const found = new Map<string, ReadonlyMap<string, string>>()
    for (const name of names) {
      try {
        const asked = [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: name, configurationKeys: [...keys] }]
        const { results } = await describeConfigsV4.api.async(connection, asked, false, false)
        const all = results.flatMap(({ configs }) => configs)
        found.set(name, new Map(all.map((config) => [config.name, config.value ?? ''])))
      } catch (error) {
        if (codesOf(error).length === 0) throw error
      }
    }
    return found
  }

  /** Returns why the brokers do not create topics that are missing. */
  async creationRefusals(names: readonly string[]): Promise<ReadonlyMap<string, CreationRefusal>> {
    return creationRefusals(await this.#anyConnection(), names)
  }

  async connection(broker: number): Promise<Connection> {
    const address = this.#brokers.get(broker)
    if (address !== undefined) return this.#connections.get(address)
    const lack = broker < 0 ? 'a partition has no leader' : `Kafka has no broker ${broker}`
    throw new FeedError('FEED_SINK', `${lack} at the moment`)
  }

  async newProducerId(): Promise<{ readonly id: bigint; readonly epoch: number }> {
    // Without a transactional id every broker can give a producer id.
    const connection = await this.#anyConnection()
    for (let attempt = 1; ; attempt++) {
      try {
        const { producerId, producerEpoch } = await initProducerIdV2.api.async(connection, null, requestMs, -1n, -1)
        return { id: producerId, epoch: producerEpoch }
      } catch (error) {
        const codes = codesOf(error)
        if (codes.includes(kafkaCode.clusterAuthorization)) throw notIdempotent(this.#spec)
        // A broker that has just started cannot give ids yet.
        const isEarly =
          codes.includes(kafkaCode.coordinatorLoading) || codes.includes(kafkaCode.coordinatorNotAvailable)
        if (attempt === idAttempts || !isEarly) throw error
        await delay(idWaitMs)
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connections[Symbol.asyncDispose]()
  }

  #anyConnection(): Promise<Connection> {
    return this.#connections.get(this.#answered ?? (this.#bootstrap[0] as SinkAddress))
  }

  /** Returns the addresses of all brokers that we know of, each once, in the order in which to ask them. */
  #candidates(): Iterable<SinkAddress> {
    const last = this.#answered === undefined ? [] : [this.#answered]
    const all = [...last, ...this.#bootstrap, ...this.#brokers.values()]
    return new Map(all.map((address) => [addressText(address), address])).values()
  }

  async #ask(address: SinkAddress, names: readonly string[]): Promise<Metadata> {
    const text = addressText(address)
    const isNew = this.#connections.isNew(address)
    if (isNew) this.#log('info', `client/metadata fetching metadata for all topics from broker ${text}`)
    const connection = await this.#connections.get(address)
    if (isNew) this.#log('info', `Connected to broker at ${text} (unregistered)`)
    const metadata = await orLate(fetchMetadata(connection, names), askMs)
    if (metadata !== late) return metadata
    throw new FeedError('FEED_SINK', `broker ${text} took the connection and did not answer within ${askMs / 1000} s`)
  }
}
