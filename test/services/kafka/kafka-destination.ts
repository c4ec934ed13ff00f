// The kit with which test/suites/sink-suite.ts tests the Kafka sink: a broker, and topics of several partitions in it.

import { subscribe } from 'node:diagnostics_channel'
import type { FeedMeter } from '../../../src/core/feed-meter.ts'
import type { KafkaSinkSpec } from '../../../src/sink/kafka/spec.ts'
import type { Sink } from '../../../src/sink/sink.ts'
import type { Delivered, Destination, DestinationOptions, SinkKit } from '../../suites/sink-kit.ts'
import { KafkaBroker } from './kafka-broker.ts'
import { skipWithoutKafka as skip } from './require-kafka.ts'
import { openSink, specOf } from './sink-kit.ts'
import { TopicReader } from './topic-reader.ts'

const partitions = 3
const largestMessageBytes = 1024 * 1024
const withinMs = 30_000
/** The number of a Produce request in Kafka's protocol. */
const produce = 0

/** Produce requests of all sinks of this process. */
let requests = 0
subscribe('tracing:plt:kafka:connections:api:start', (message) => {
  if ((message as { readonly apiKey?: number }).apiKey === produce) requests += 1
})

/** `changed`: what the tested sink's spec has otherwise. */
export function kafkaKit(changed: Partial<KafkaSinkSpec> = {}): SinkKit {
  let broker: KafkaBroker
  let count = 0
  return {
    skip,
    async start() {
      broker = await KafkaBroker.start({ properties: [`message.max.bytes=${largestMessageBytes}`] })
    },
    async end() {
      await broker?.[Symbol.asyncDispose]()
    },
    async destination(options: DestinationOptions): Promise<Destination> {
      const topics = Array.from({ length: options.topics }, () => `sink_suite_${++count}`)
      for (const topic of topics) await broker.createTopic(topic, partitions)
      return new KafkaDestination(broker, topics, { changed, isImpatient: options.isImpatient === true })
    },
    resolvedMessages: (topics) => topics * partitions,
    keepsNilValues: true,
    tooLargeBytes: 3 * largestMessageBytes,
    sendsAtOnce: changed.flush === undefined,
    trouble: 'reported',
  }
}

class KafkaDestination implements Destination {
  readonly #broker: KafkaBroker
  readonly #topics: readonly string[]
  readonly #isImpatient: boolean
  readonly #changed: Partial<KafkaSinkSpec>

  constructor(
    broker: KafkaBroker,
    topics: readonly string[],
    { changed, isImpatient }: { readonly changed: Partial<KafkaSinkSpec>; readonly isImpatient: boolean },
  ) {
    this.#broker = broker
    this.#topics = topics
    this.#changed = changed
    this.#isImpatient = isImpatient
  }

  open(signal: AbortSignal, meter?: FeedMeter): Promise<Sink> {
    const { bootstrap } = this.#broker
    const changed = { ...this.#changed, topics: this.#topics, sources: this.#topics.map((topic) => `table "${topic}"`) }
    if (!this.#isImpatient) return openSink(specOf(bootstrap, '', changed), { signal, meter })
    return openSink(specOf(bootstrap, '', { ...changed, retry: { max: 1, backoffMs: 10 } }), {
      signal,
      meter,
      requestMs: 2000,
    })
  }

  async delivered(): Promise<readonly Delivered[]> {
    const messages: Delivered[] = []
    await using reader = new TopicReader(this.#broker.bootstrap, this.#topics, ({ topic, partition, key, value }) =>
      messages.push({ topic: this.#topics.indexOf(topic), partition, key: key?.toString(), value }),
    )
    await reader.drained(withinMs)
    return messages
  }

  /** The broker stops where it is, with its connections open. */
  break(): Promise<void> {
    this.#broker.freeze()
    return Promise.resolve()
  }

  mend(): Promise<void> {
    this.#broker.thaw()
    return Promise.resolve()
  }

  requests(): number {
    return requests
  }
}
