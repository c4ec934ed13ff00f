// Sends the batches of partitions to the brokers that lead them, in Produce requests. The route of a lane is the number of
// its leader.

import type { KafkaSinkSpec, Partition } from './spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Delivery, LaneClient, Outcome, SendResult } from '../batching/lane-client.ts'
import { sizeAndTime } from '../batching/too-large.ts'
import { compression } from './compression.ts'
import type { KafkaClient } from './kafka-client.ts'
import { kafkaCode, passingCodes, produceError, sinkError } from './kafka-errors.ts'
import type { TopicPartitions } from './partitions.ts'
import { produce } from './produce.ts'
import type { RecordBatch } from './record-batch.ts'

export interface ProducerOptions {
  readonly spec: KafkaSinkSpec
  readonly client: KafkaClient
  readonly partitions: TopicPartitions
}

type PartitionDelivery = Delivery<Partition, RecordBatch>

const acksCodes = { none: 0, one: 1, all: -1 } as const
/** The sequence number of a message has 31 bits, and starts again at 0. */
const sequences = 0x80000000
const delivered: Outcome = { tag: 'delivered' }

export class KafkaProducer implements LaneClient<Partition, RecordBatch> {
  readonly name = 'Kafka'
  readonly #options: ProducerOptions
  readonly #compress
  /** With acks of all replicas brokers discard batches that they have already written, by the sequence numbers of a producer. */
  #producer: { readonly id: bigint; readonly epoch: number } | undefined

  constructor(options: ProducerOptions) {
    this.#options = options
    this.#compress = compression(options.spec)
  }

  /** Asks for a producer id if acks allow one. */
  async open(): Promise<void> {
    const { spec, client } = this.#options
    if (spec.acks === 'all') this.#producer = await client.newProducerId()
  }

  async send(leader: number, deliveries: readonly PartitionDelivery[]): Promise<SendResult> {
    const nowMs = Date.now()
    const { partitions } = this.#options
    const sent = new Set(deliveries.filter(({ place }) => !partitions.isMissing(place.topic)))
    const all = Array.from(sent, ({ place: { topic, partition }, body, first }) => {
      const producer = this.#producer && { ...this.#producer, sequence: first % sequences }
      return { topic, partition, records: body.seal({ nowMs, compress: this.#compress, producer }) }
    })
    const acks = this.#acksFor(deliveries)
    const connection = await this.#options.client.connection(leader)
    const { answers, throttleMs } =
      all.length === 0 ? { answers: [], throttleMs: 0 } : await produce(connection, acksCodes[acks], all)
    const byPlace = new Map(answers.map((answer) => [`${answer.topic} ${answer.partition}`, answer]))
    const outcomes = deliveries.map((delivery) => {
      const { place } = delivery
      if (!sent.has(delivery)) return this.#outcome(place, kafkaCode.unknownTopic, undefined)
      if (acks === 'none') return delivered
      const answer = byPlace.get(`${place.topic} ${place.partition}`)
      return this.#outcome(place, answer?.code ?? kafkaCode.networkException, answer?.message)
    })
    return { outcomes, pauseMs: throttleMs, sentBytes: all.reduce((sum, { records }) => sum + records.length, 0) }
  }

  beforeRetry(): Promise<void> {
    return this.#options.partitions.tryRefresh()
  }

  tooLarge({ place, body }: PartitionDelivery): FeedError {
    const { topics, sources } = this.#options.spec
    const { topic } = place
    const source = sources.filter((_, i) => topics[i] === topic).join(' or ')
    const message = `message too large: a row of ${source} gives a message that topic ${topic} does not take (${sizeAndTime(body)})`
    return new FeedError('FEED_SINK', message, {
      hint: 'raise max.message.bytes of the topic (and replica.fetch.max.bytes of the brokers), or compress with kafka_sink_config',
    })
  }

  toError(error: unknown): FeedError {
    return sinkError('sending to Kafka failed', error)
  }

  /**
   * A broker that refuses a batch without acks closes the connection and does not say why. The next attempt asks for an
   * acknowledgement, so that it does.
   */
  #acksFor(deliveries: readonly PartitionDelivery[]): KafkaSinkSpec['acks'] {
    const { acks } = this.#options.spec
    return acks === 'none' && deliveries.some(({ failures }) => failures > 0) ? 'one' : acks
  }

  #outcome(place: Partition, code: number, message: string | undefined): Outcome {
    // The leader has written a duplicate in an earlier attempt, whose answer was lost.
    if (code === 0 || code === kafkaCode.duplicateSequence) return delivered
    if (code === kafkaCode.messageTooLarge || code === kafkaCode.recordListTooLarge) return { tag: 'too-large' }
    const error = produceError(place, code, message, this.#options.spec)
    return { tag: passingCodes.has(code) ? 'failed' : 'refused', error }
  }
}
