// What the sink asks of a Kafka cluster beside taking messages: where the partitions are, who the brokers are, a producer
// id. Any broker that answers will do, so one that hangs or is gone does not stop the others from being asked.

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
import type { SinkAddress } from '../sink-facts.ts'
import { brokerAddress } from './broker-address.ts'
import { addressText, KafkaConnections, requestMs } from './kafka-connections.ts'
import { codesOf, flatMessage, kafkaCode, notIdempotent, refusedCredentials } from './kafka-errors.ts'
import type { KafkaLog } from './kafka-log.ts'
import { fetchMetadata, type Metadata, type TopicAnswer, type TopicLayout } from './metadata.ts'
import { creationRefusals, type CreationRefusal } from './topic-creation.ts'

/** A broker that has not answered until then is passed over. */
const askMs = 10_000
/** The end of a partition, as a time. */
const latest = -1n
/** Of things that have settings. */
const topicResource = ConfigResourceTypes.TOPIC
const idAttempts = 25
const idWaitMs = 200

export class KafkaClient implements AsyncDisposable {
  readonly #spec: KafkaSinkSpec
  readonly #log: KafkaLog
  readonly #connections: KafkaConnections
  readonly #bootstrap: readonly SinkAddress[]
  #brokers: ReadonlyMap<number, SinkAddress> = new Map()
  /** Asked first. */
  #answered: SinkAddress | undefined

  constructor(spec: KafkaSinkSpec, log: KafkaLog = () => undefined, ownRequestMs = requestMs) {
    this.#spec = spec
    this.#log = log
    this.#connections = new KafkaConnections(spec, log, ownRequestMs)
    this.#bootstrap = spec.brokers.map(brokerAddress)
  }

  /** Has what connections will need to show; throws why there is none. */
  authorize(): Promise<void> {
    return this.#connections.authorize()
  }

  /** Topics that are missing are made where the brokers allow it. An answer for each name. */
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
        // The other brokers would need the same.
        const refused = refusedCredentials(error)
        if (refused !== undefined) throw refused
        const refusal = this.#connections.refusal(address)
        const text = refusal === undefined ? addressText(address) : `${addressText(address)}: ${refusal}`
        errors.push(flatMessage(error).includes(`${address.host}:`) ? error : new Error(text, { cause: error }))
      }
    }
    throw new AggregateError(errors, '')
  }

  /** Throws while a partition's leader does not know that it leads, as it may not in the first moments of a topic. */
  async askLeaders(layouts: ReadonlyMap<string, TopicLayout>): Promise<void> {
    for (const [name, { leaders }] of layouts) {
      for (const [leader, partitions] of Map.groupBy(leaders.keys(), (partition) => leaders[partition] as number)) {
        const asked = partitions.map((partitionIndex) => ({
          partitionIndex,
          currentLeaderEpoch: -1,
          timestamp: latest,
        }))
        await listOffsetsV5.api.async(await this.connection(leader), -1, 0, [{ name, partitions: asked }])
      }
    }
  }

  /** What topics are configured to, as far as `keys` go. Not to be allowed to ask is no answer, and no error. */
  async settings(
    names: readonly string[],
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    const [broker] = this.#answered === undefined ? this.#bootstrap : [this.#answered]
    const connection = await this.#connections.get(broker as SinkAddress)
    const found = new Map<string, ReadonlyMap<string, string>>()
    for (const name of names) {
      try {
        const asked = [{ resourceType: topicResource, resourceName: name, configurationKeys: [...keys] }]
        const { results } = await describeConfigsV4.api.async(connection, asked, false, false)
        const all = results.flatMap(({ configs }) => configs)
        found.set(name, new Map(all.map((config) => [config.name, config.value ?? ''])))
      } catch (error) {
        if (codesOf(error).length === 0) throw error
      }
    }
    return found
  }

  /** Why topics that are missing are not made. */
  async creationRefusals(names: readonly string[]): Promise<ReadonlyMap<string, CreationRefusal>> {
    const [broker] = this.#answered === undefined ? this.#bootstrap : [this.#answered]
    return creationRefusals(await this.#connections.get(broker as SinkAddress), names)
  }

  async connection(broker: number): Promise<Connection> {
    const address = this.#brokers.get(broker)
    if (address !== undefined) return this.#connections.get(address)
    throw new FeedError(
      'FEED_SINK',
      broker < 0 ? 'a partition has no leader at the moment' : `Kafka has no broker ${broker} at the moment`,
    )
  }

  async newProducerId(): Promise<{ readonly id: bigint; readonly epoch: number }> {
    // Without a transactional id any broker gives one.
    const [broker] = this.#answered === undefined ? this.#bootstrap : [this.#answered]
    const connection = await this.#connections.get(broker as SinkAddress)
    for (let attempt = 1; ; attempt++) {
      try {
        const { producerId, producerEpoch } = await initProducerIdV2.api.async(connection, null, requestMs, -1n, -1)
        return { id: producerId, epoch: producerEpoch }
      } catch (error) {
        const codes = codesOf(error)
        if (codes.includes(kafkaCode.clusterAuthorization)) throw notIdempotent(this.#spec)
        // A broker that has just started has no ids to give yet.
        const isEarly = codes.some(
          (code) => code === kafkaCode.coordinatorLoading || code === kafkaCode.coordinatorNotAvailable,
        )
        if (attempt === idAttempts || !isEarly) throw error
        await delay(idWaitMs)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connections[Symbol.asyncDispose]()
  }

  /** Each address once. */
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
    const metadata = await orLate(fetchMetadata(connection, names, true), askMs)
    if (metadata !== late) return metadata
    throw new FeedError('FEED_SINK', `broker ${text} took the connection and did not answer within ${askMs / 1000} s`)
  }
}
