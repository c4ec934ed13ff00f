// The feed of a job into Kafka, as a consumer of its topics sees it.

import { TopicReader, type TopicMessage } from '../services/kafka/topic-reader.ts'
import { AvroRecords } from './avro-records.ts'
import { JobFeed, type JobFeedOptions, type OpenReader } from './job-feed.ts'

export interface KafkaFeedOptions extends Omit<JobFeedOptions, 'read'> {
  /** Undefined: the changefeed writes to none, and only its job is watched. */
  readonly broker: { readonly bootstrap: string } | undefined
  readonly topics: readonly string[]
  /** Of the topics; the messages of the feed are without it. */
  readonly topicPrefix?: string
  /** URL of the schema registry of messages in Avro, which are shown as those of a feed in JSON. */
  readonly registry?: string | undefined
  /** They are shown in Avro's JSON encoding instead. */
  readonly asAvro?: boolean
  /** False: rows have no key. Otherwise a message without a key is a resolved message. */
  readonly hasKeys?: boolean
  /** A topic that is deleted and made anew is read from its start; otherwise it is an error, because messages could come twice. */
  readonly mayBeMadeAnew?: boolean
}

export class KafkaFeed extends JobFeed {
  /** Without the prefix. */
  readonly topics: readonly string[]
  /** The messages as Kafka has them, with partitions, offsets and headers. */
  readonly records: readonly TopicMessage[]

  private constructor(options: Omit<KafkaFeedOptions, 'statement'>, statement: string) {
    const records: TopicMessage[] = []
    super({ ...options, read: readTopics(options, records) }, statement)
    this.topics = options.topics
    this.records = records
  }

  static override async open(options: KafkaFeedOptions): Promise<KafkaFeed> {
    const feed = new KafkaFeed(options, options.statement)
    await feed.create(options)
    return feed
  }

  /** Of a job that is there already. */
  static of({
    jobId,
    ...options
  }: Omit<KafkaFeedOptions, 'statement' | 'client'> & { readonly jobId: string }): KafkaFeed {
    const feed = new KafkaFeed(options, '')
    feed.watch(jobId)
    return feed
  }
}

function readTopics(
  {
    broker,
    topics,
    topicPrefix = '',
    hasKeys = true,
    mayBeMadeAnew = false,
    ...of
  }: Omit<KafkaFeedOptions, 'server' | 'statement'>,
  records: TopicMessage[],
): OpenReader | undefined {
  if (broker === undefined) return undefined
  const inAvro = of.registry === undefined ? undefined : new AvroRecords(of.registry, of.asAvro)
  return (take) => {
    const reader = new TopicReader(
      broker.bootstrap,
      topics.map((topic) => topicPrefix + topic),
      (record) => {
        const { topic, partition, key, value } = record
        records.push(record)
        const taken = (keyText: string, valueText: string): void =>
          take({
            topic: key === null && hasKeys ? undefined : topic.slice(topicPrefix.length),
            partition: `${topic}/${partition}`,
            key: keyText,
            value: valueText,
          })
        if (inAvro === undefined) taken(key?.toString() ?? '', value?.toString() ?? '')
        else inAvro.read(key, value, taken)
      },
      mayBeMadeAnew ? { onRestart: () => undefined } : {},
    )
    return {
      async drained(withinMs) {
        await reader.drained(withinMs)
        await inAvro?.done()
      },
      async [Symbol.asyncDispose]() {
        await reader[Symbol.asyncDispose]()
        await inAvro?.done()
      },
    }
  }
}
