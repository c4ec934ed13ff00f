// Reads `kafka://host:port{,host:port}?parameters`. The rules of TLS and SASL parameters, and the messages about them, are
// those of CockroachDB. Hosted Kafkas (confluent-cloud://, azure-event-hub://) imply TLS and SASL/PLAIN.

import type { KafkaSasl, KafkaTls } from './spec.ts'
import { builtKafkaParameters, type KafkaParameter } from './parameters.ts'
import { readHosted } from './read-hosted.ts'
import { readSasl } from './read-sasl.ts'
import { brokerAddress, defaultPort } from './broker-address.ts'
import { checkCertificates, readCertificates } from '../certificates.ts'
import type { UriParts } from '../sink-facts.ts'
import type { SinkParameters } from '../sink-parameters.ts'

type Parameters = SinkParameters<KafkaParameter>

/** The port at which Event Hubs speak Kafka. */
const eventHubsPort = 9093

export interface KafkaUri {
  readonly brokers: readonly string[]
  readonly topicPrefix: string
  /** The topic of all tables; undefined: each table has its own. */
  readonly topicName: string | undefined
  readonly tls: KafkaTls | undefined
  readonly sasl: KafkaSasl | undefined
}

export function readKafkaUri({ scheme, place, parameters }: UriParts): KafkaUri {
  if (place.includes('@')) {
    throw parameters.refused(
      'a Kafka sink URI holds no user and password before the brokers',
      'give them as sasl_user and sasl_password, with sasl_enabled=true and tls_enabled=true',
    )
  }
  const [hosts = '', ...path] = place.split('/')
  if (path.some((part) => part !== '')) {
    throw parameters.refused(
      'a Kafka sink URI has no path after the brokers',
      'a topic is named by topic_name, brokers are separated by commas',
    )
  }
  if (parameters.text('schema_topic') !== undefined) throw parameters.refused('schema_topic is not yet supported')
  const topicPrefix = parameters.text('topic_prefix') ?? ''
  const topicName = parameters.text('topic_name')
  if (topicName === '') {
    throw parameters.refused(
      'param topic_name must not be empty',
      'leave it out, and topics are named after the tables',
    )
  }
  const brokers = readBrokers(hosts, scheme, parameters)
  const hosted = readHosted({ scheme, host: brokerAddress(brokers[0] as string).host, parameters })
  const tls = readTls(parameters, hosted !== undefined)
  const sasl = hosted ?? readSasl(parameters)
  parameters.end('kafka sink', builtKafkaParameters)
  if (sasl !== undefined && tls === undefined) {
    throw parameters.refused(
      'sasl_enabled requires tls_enabled=true',
      'without TLS whoever listens on the network can take the credentials',
    )
  }
  return { brokers, topicPrefix, topicName, tls, sasl }
}

function readBrokers(hosts: string, scheme: string, parameters: Parameters): string[] {
  const port = scheme === 'azure-event-hub' ? eventHubsPort : defaultPort
  const brokers = hosts.split(',').flatMap((host) => {
    const trimmed = host.trim()
    if (trimmed === '') return []
    return /(?:^|[^:]):\d+$|\]:\d+$/.test(trimmed) ? trimmed : `${trimmed}:${port}`
  })
  if (brokers.length === 0) {
    throw parameters.refused('the sink URI names no broker', "for example 'kafka://localhost:9092'")
  }
  return brokers
}

function readTls(parameters: Parameters, isImplied: boolean): KafkaTls | undefined {
  const enabled = parameters.bool('tls_enabled')
  const skipVerify = parameters.bool('insecure_tls_skip_verify') ?? false
  const { ca, cert, key } = readCertificates(parameters)
  if (enabled !== true && !isImplied) {
    for (const [name, value] of Object.entries({ ca_cert: ca, client_cert: cert, client_key: key }))
      if (value !== undefined) throw parameters.refused(`${name} requires tls_enabled=true`)
    return undefined
  }
  checkCertificates({ ca, cert, key }, parameters)
  return { ca, cert, key, verify: !skipVerify }
}
