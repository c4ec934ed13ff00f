// The facts of the Kafka sink.

import { limitNotices } from '../batching/limit-notices.ts'
import type { SinkAddress, SinkFacts, WrittenSink } from '../sink-facts.ts'
import { brokerAddress } from './broker-address.ts'
import { readKafkaSinkConfig } from './kafka-sink-config.ts'
import { readKafkaUri } from './kafka-uri.ts'
import { kafkaReference, mostBatchBytes } from './parameters.ts'
import type { KafkaSinkSpec } from './spec.ts'
import { kafkaTopicName } from '../../core/kafka-name.ts'

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
  const topics = tables.map(({ topic }) => kafkaTopicName(topicPrefix + (topicName ?? topic)))
  const sources = tables.map(
    ({ tableName, keyColumns }) => `table "${tableName}" (key columns: ${keyColumns.join(', ')})`,
  )
  const { text, position = 0 } = option('kafka_sink_config') ?? {}
  return { tag: 'kafka', ...read, topics, sources, headers, ...readKafkaSinkConfig(text, position) }
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
