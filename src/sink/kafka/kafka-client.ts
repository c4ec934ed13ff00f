// The client library's part: connections with their TLS and SASL, metadata, producer ids. What is sent over the
// connections is ours (produce.ts).

import { isIP } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Base, initProducerIdV2, listOffsetsV5, type Connection } from '@platformatic/kafka'
import type { KafkaSinkSpec } from '../../core/kafka-sink-spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { flatMessage } from './kafka-errors.ts'

const connectMs = 10_000
const requestMs = 30_000
const closeMs = 1000
/** The end of a partition, as a time. */
const latest = -1n
const idAttempts = 25
const idWaitMs = 200

export interface TopicLayout {
  /** The broker that leads each partition; -1: none at the moment. */
  readonly leaders: readonly number[]
}

export class KafkaClient implements AsyncDisposable {
  readonly #spec: KafkaSinkSpec
  /** TLS names the server that is asked for (SNI): of hosts with a name, not of addresses. */
  #namesServer: boolean
  #client: Base

  constructor(spec: KafkaSinkSpec) {
    this.#spec = spec
    this.#namesServer = !spec.brokers.some((broker) => isAddress(broker.replace(/:\d+$/, '')))
    this.#client = open(spec, this.#namesServer)
  }

  /** Creates topics that are missing where the brokers allow it. Throws while one of them is not there. */
  async topics(names: readonly string[]): Promise<ReadonlyMap<string, TopicLayout>> {
    const options = { topics: [...names], autocreateTopics: true, forceUpdate: true }
    let metadata = await this.#client.metadata(options)
    if (this.#namesServer && [...metadata.brokers.values()].some(({ host }) => isAddress(host))) {
      this.#namesServer = false
      await this.#client.close()
      this.#client = open(this.#spec, false)
      metadata = await this.#client.metadata(options)
    }
    const layouts = new Map<string, TopicLayout>()
    for (const name of names) {
      const topic = metadata.topics.get(name)
      if (topic === undefined) throw new FeedError('FEED_SINK', `Kafka gives no metadata of topic ${name}`)
      layouts.set(name, { leaders: topic.partitions.map(({ leader }) => leader) })
    }
    return layouts
  }

  /** Asks any broker who is there. */
  async dial(): Promise<void> {
    await this.#client.metadata({ topics: [], forceUpdate: true })
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

  async connection(broker: number): Promise<Connection> {
    const address = this.#client.currentMetadata?.brokers.get(broker)
    if (address === undefined) throw new FeedError('FEED_SINK', `Kafka has no broker ${broker} at the moment`)
    return this.#client.connections.get(address)
  }

  async newProducerId(): Promise<{ readonly id: bigint; readonly epoch: number }> {
    // Without a transactional id any broker gives one.
    const [broker] = this.#client.currentMetadata?.brokers.keys() ?? []
    const connection = await this.connection(broker ?? -1)
    for (let attempt = 1; ; attempt++) {
      try {
        const { producerId, producerEpoch } = await initProducerIdV2.api.async(connection, null, requestMs, -1n, -1)
        return { id: producerId, epoch: producerEpoch }
      } catch (error) {
        // A broker that has just started has no ids to give yet.
        if (attempt === idAttempts || !/coordinator is loading/.test(flatMessage(error))) throw error
        await delay(idWaitMs)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What was written still goes out; but a broker that is gone may never say goodbye.
    const sockets = [...this.#client.connections].map(([, connection]) => connection.socket)
    await Promise.race([this.#client.close().catch(() => undefined), delay(closeMs)])
    for (const socket of sockets) socket?.destroy()
  }
}

function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[|\]$/g, '')) !== 0
}

function open({ brokers, clientId, sasl, tls }: KafkaSinkSpec, namesServer: boolean): Base {
  const client = new Base({
    clientId,
    bootstrapBrokers: [...brokers],
    // Who asks here tries again itself, and says so.
    retries: 0,
    connectTimeout: connectMs,
    requestTimeout: requestMs,
    metadataMaxAge: 0,
    autocreateTopics: true,
    ...(tls === undefined
      ? {}
      : {
          tls: {
            rejectUnauthorized: tls.verify,
            ...(tls.ca === undefined ? {} : { ca: [tls.ca] }),
            ...(tls.cert === undefined ? {} : { cert: tls.cert }),
            ...(tls.key === undefined ? {} : { key: tls.key }),
          },
          tlsServerName: namesServer,
        }),
    ...(sasl === undefined
      ? {}
      : { sasl: { mechanism: sasl.mechanism, username: sasl.user, password: sasl.password } }),
  })
  // What goes wrong comes back from the call that it goes wrong in.
  client.on('error', () => undefined)
  return client
}
