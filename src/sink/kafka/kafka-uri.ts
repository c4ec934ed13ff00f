// Reads `kafka://host:port{,host:port}?parameters`. The rules of TLS and SASL parameters, and the messages about them, are
// those of CockroachDB.
//
//   kafka            every parameter is as written
//   confluent-cloud  has api_key and api_secret, and implies TLS and SASL/PLAIN
//   azure-event-hub  has shared_access_key_name and shared_access_key, and implies the same

import type { KafkaSasl, KafkaTls } from './spec.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { builtKafkaParameters, type KafkaParameter } from './parameters.ts'
import { readSasl } from './read-sasl.ts'
import { defaultPort } from './broker-address.ts'
import { checkCertificates, readCertificates } from '../certificates.ts'
import type { UriParts } from '../sink-facts.ts'
import type { SinkParameters } from '../sink-parameters.ts'

type Parameters = SinkParameters<KafkaParameter>

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
  const isHosted = scheme !== 'kafka'
  const implied = isHosted ? readHosted(scheme, parameters) : undefined
  const tls = readTls(parameters, isHosted)
  const sasl = implied ?? readSasl(parameters)
  parameters.end('kafka sink', builtKafkaParameters)
  if (sasl !== undefined && tls === undefined) {
    throw parameters.refused(
      'sasl_enabled requires tls_enabled=true',
      'without TLS whoever listens on the network can take the credentials',
    )
  }
  const brokers = readBrokers(hosts, parameters)
  return { brokers, topicPrefix, topicName, tls, sasl }
}

function readBrokers(hosts: string, parameters: Parameters): string[] {
  const brokers = hosts.split(',').flatMap((host) => {
    const trimmed = host.trim()
    if (trimmed === '') return []
    return /(?:^|[^:]):\d+$|\]:\d+$/.test(trimmed) ? trimmed : `${trimmed}:${defaultPort}`
  })
  if (brokers.length === 0) {
    throw parameters.refused('the sink URI names no broker', "for example 'kafka://localhost:9092'")
  }
  return brokers
}

function readTls(parameters: Parameters, isImplied: boolean): KafkaTls | undefined {
  const enabled = parameters.bool('tls_enabled')
  if (isImplied && enabled === false) throw unsupportedValue(parameters, 'tls_enabled', 'false', 'true')
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

function readHosted(scheme: string, parameters: Parameters): KafkaSasl {
  const [userName, passwordName] =
    scheme === 'confluent-cloud'
      ? (['api_key', 'api_secret'] as const)
      : (['shared_access_key_name', 'shared_access_key'] as const)
  const need = (name: KafkaParameter): string => {
    const value = parameters.text(name)
    if (value === undefined || value === '') throw parameters.refused(`scheme ${scheme} requires parameter ${name}`)
    return value
  }
  const user = need(userName)
  const password = need(passwordName)
  for (const [name, only] of [
    ['sasl_enabled', 'true'],
    ['sasl_handshake', 'true'],
    ['sasl_mechanism', 'PLAIN'],
  ] as const) {
    const given = parameters.text(name)
    if (given !== undefined && given.toLowerCase() !== only.toLowerCase())
      throw unsupportedValue(parameters, name, given, only)
  }
  return { mechanism: 'PLAIN', user, password }
}

function unsupportedValue(parameters: Parameters, name: string, value: string, only: string): FeedError {
  return parameters.refused(`unsupported value ${value} for parameter ${name}, please use ${only} instead`)
}
