// Reads `kafka://host:port{,host:port}?parameters`. The rules of TLS and SASL parameters, and the messages about them, are
// those of CockroachDB. Hosted Kafkas (confluent-cloud://, azure-event-hub://) imply TLS and SASL/PLAIN.

import type { KafkaSasl, KafkaTls } from './spec.ts'
import { builtKafkaParameters, type KafkaParameter } from './parameters.ts'
import { connectionStringUser, readHosted } from './read-hosted.ts'
import { readSasl } from './read-sasl.ts'
import { brokerAddress, defaultPort } from './broker-address.ts'
import { checkCertificates, readCertificates } from '../certificates.ts'
import type { UriParts } from '../sink-facts.ts'
import type { SinkParameters } from '../sink-parameters.ts'
import { readTopicNames, type TopicNames } from '../topic-names.ts'

type Parameters = SinkParameters<KafkaParameter>

/** The port at which Event Hubs speak Kafka. */
const eventHubsPort = 9093

export interface KafkaUri extends TopicNames {
  readonly brokers: readonly string[]
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
  const topicNames = readTopicNames(parameters)
  const [first, ...others] = readHosts(hosts, parameters)
  const hosted = readHosted({ scheme, host: brokerAddress(withPort(first, defaultPort)).host, parameters })
  const port = hosted?.user === connectionStringUser ? eventHubsPort : defaultPort
  const brokers = [first, ...others].map((host) => withPort(host, port))
  for (const broker of brokers) {
    const { port: its } = brokerAddress(broker)
    if (its < 1 || its > 65535) throw parameters.refused(`the broker ${broker} has no port from 1 to 65535`)
  }
  const tls = readTls(parameters, hosted !== undefined)
  const sasl = hosted ?? readSasl(parameters)
  parameters.end('kafka sink', builtKafkaParameters)
  if (sasl !== undefined && tls === undefined) {
    throw parameters.refused(
      'sasl_enabled requires tls_enabled=true',
      'without TLS whoever listens on the network can take the credentials',
    )
  }
  return { brokers, ...topicNames, tls, sasl }
}

function readHosts(text: string, parameters: Parameters): [first: string, ...others: string[]] {
  const [first, ...others] = text.split(',').flatMap((host) => {
    const trimmed = host.trim()
    return trimmed === '' ? [] : trimmed
  })
  if (first === undefined)
    throw parameters.refused('the sink URI names no broker', "for example 'kafka://localhost:9092'")
  return [first, ...others]
}

function withPort(host: string, port: number): string {
  return /(?:^|[^:]):\d+$|\]:\d+$/.test(host) ? host : `${host}:${port}`
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
