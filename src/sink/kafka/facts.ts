// The facts of the Kafka sink.

import type { FeedError } from '../../errors/feed-error.ts'
import { limitNotices } from '../batching/limit-notices.ts'
import type { SinkAddress, SinkFacts, UriParts, WrittenSink } from '../sink-facts.ts'
import { brokerAddress } from './broker-address.ts'
import { readKafkaSinkConfig } from './kafka-sink-config.ts'
import { readKafkaUri } from './kafka-uri.ts'
import { kafkaReference, mostBatchBytes } from './parameters.ts'
import type { KafkaSinkSpec } from './spec.ts'
import { maxTopicLength, wholeTopicName } from '../../core/kafka-name.ts'

export const kafka: SinkFacts<KafkaSinkSpec> = {
  tag: 'kafka',
  label: 'Kafka',
  schemes: ['kafka', 'confluent-cloud', 'azure-event-hub'],
  options: [
    'avro_schema_prefix',
    'confluent_schema_registry',
    'extra_headers',
    'headers_json_column_name',
    'kafka_sink_config',
  ],
  withoutFormats: ['parquet'],
  reference: kafkaReference,
  readSpec,
  topics: ({ topics }) => topics,
  notices,
  addresses,
  shownAs: ({ brokers }) => brokers.join(', '),
  logTag: 'kafka-producer',
  open: () => import('./open.ts'),
}

function readSpec({ option, headers, tables, ...uri }: WrittenSink): KafkaSinkSpec {
  const { topicPrefix, topicName, ...read } = readKafkaUri(uri)
  const topics = tables.map(({ topic, tableName }) => {
    const name = wholeTopicName(topicPrefix + (topicName ?? topic))
    if (name.length > maxTopicLength) throw tooLong(name, { tableName, isNamed: topicName !== undefined, uri })
    return name
  })
  const sources = tables.map(
    ({ tableName, keyColumns }) => `table "${tableName}" (key columns: ${keyColumns.join(', ')})`,
  )
  const { text, position = 0 } = option('kafka_sink_config') ?? {}
  return { tag: 'kafka', ...read, topics, sources, headers, ...readKafkaSinkConfig(text, position) }
}

interface LongName {
  readonly tableName: string
  /** The statement has topic_name. */
  readonly isNamed: boolean
  readonly uri: UriParts
}

/** Cut to what Kafka takes, the names of two tables could be the same, also those of tables of different changefeeds. */
function tooLong(name: string, { tableName, isNamed, uri }: LongName): FeedError {
  const shorter = isNamed
    ? 'shorten topic_name or topic_prefix'
    : 'shorten topic_prefix, leave full_table_name out, or name one topic for all tables with topic_name'
  return uri.parameters.refused(
    `the topic of table "${tableName}" would have a name of ${name.length} characters, and Kafka takes at most ${maxTopicLength}`,
    `${shorter}; a character other than letters, digits, dot, underscore and hyphen is written as an escape such as _u2603_`,
  )
}

function notices({ sasl, flush }: KafkaSinkSpec): readonly string[] {
  const isPlain = sasl?.mechanism === 'OAUTHBEARER' && !sasl.tokenUrl.startsWith('https:')
  const plain = 'sasl_token_url is not https: whoever listens on the network can take sasl_client_secret'
  const limits = { option: 'kafka_sink_config', what: 'a batch for Kafka', bytes: mostBatchBytes }
  return [...(isPlain ? [plain] : []), ...limitNotices(flush, limits)]
}

/** Returns the brokers, and the endpoint that issues tokens for them. Brokers that these name later are checked before we connect to them. */
function addresses({ brokers, sasl }: KafkaSinkSpec): readonly SinkAddress[] {
  const found = brokers.map(brokerAddress)
  if (sasl?.mechanism !== 'OAUTHBEARER') return found
  const { protocol, hostname, port } = new URL(sasl.tokenUrl)
  const defaultPort = protocol === 'https:' ? 443 : 80
  return [...found, { host: hostname, port: port === '' ? defaultPort : Number(port) }]
}
