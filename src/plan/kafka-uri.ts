// kafka://host:port{,host:port}?parameters, and its two relatives, as data. The rules of TLS and SASL parameters, and
// their words, are CockroachDB's.
//
//   kafka            every parameter as written
//   confluent-cloud  api_key, api_secret; TLS and SASL/PLAIN are implied
//   azure-event-hub  shared_access_key_name, shared_access_key; the same

import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { KafkaSasl, KafkaTls } from '../core/kafka-sink-spec.ts'
import { FeedError } from '../errors/feed-error.ts'
import { SinkParameters } from './sink-parameters.ts'

const defaultPort = 9092
const parameterNames = [
  'topic_prefix',
  'topic_name',
  'tls_enabled',
  'ca_cert',
  'client_cert',
  'client_key',
  'insecure_tls_skip_verify',
  'sasl_enabled',
  'sasl_handshake',
  'sasl_mechanism',
  'sasl_user',
  'sasl_password',
  'api_key',
  'api_secret',
  'shared_access_key_name',
  'shared_access_key',
]
/** Parameters that belong to one mechanism. */
const ofMechanism = {
  OAUTHBEARER: ['sasl_client_id', 'sasl_client_secret', 'sasl_token_url', 'sasl_grant_type', 'sasl_scopes'],
  AWS_MSK_IAM: ['sasl_aws_region', 'sasl_aws_iam_role_arn', 'sasl_aws_iam_session_name'],
} as const
const mechanisms = ['AWS_MSK_IAM', 'OAUTHBEARER', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

export interface KafkaUri {
  readonly brokers: readonly string[]
  readonly topicPrefix: string
  /** All tables go to it. */
  readonly topicName: string | undefined
  readonly tls: KafkaTls | undefined
  readonly sasl: KafkaSasl | undefined
}

export function readKafkaUri(uri: string, position: number): KafkaUri {
  const [, scheme = '', place = '', query = ''] = /^([a-z-]+):\/\/([^?]*)\??(.*)$/is.exec(uri) ?? []
  const parameters = new SinkParameters(query, position)
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
  const isHosted = scheme.toLowerCase() !== 'kafka'
  const implied = isHosted ? readHosted(scheme.toLowerCase(), parameters) : undefined
  const tls = readTls(parameters, isHosted)
  const sasl = implied ?? readSasl(parameters)
  parameters.end('kafka', parameterNames)
  if (sasl !== undefined && tls === undefined) {
    throw parameters.refused(
      'sasl_enabled requires tls_enabled=true',
      'without TLS whoever listens on the network can take the credentials',
    )
  }
  const brokers = readBrokers(hosts, parameters)
  return { brokers, topicPrefix, topicName, tls, sasl }
}

function readBrokers(hosts: string, parameters: SinkParameters): string[] {
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

function readTls(parameters: SinkParameters, isImplied: boolean): KafkaTls | undefined {
  const enabled = parameters.bool('tls_enabled')
  if (isImplied && enabled === false) throw unsupportedValue(parameters, 'tls_enabled', 'false', 'true')
  const skipVerify = parameters.bool('insecure_tls_skip_verify') ?? false
  const ca = parameters.base64('ca_cert')
  const cert = parameters.base64('client_cert')
  const key = parameters.base64('client_key')
  if (enabled !== true && !isImplied) {
    if (ca !== undefined) throw parameters.refused('ca_cert requires tls_enabled=true')
    if (cert !== undefined) throw parameters.refused('client_cert requires tls_enabled=true')
    if (key !== undefined) throw parameters.refused('client_key requires tls_enabled=true')
    return undefined
  }
  if (cert !== undefined && key === undefined) throw parameters.refused('client_cert requires client_key to be set')
  if (key !== undefined && cert === undefined) throw parameters.refused('client_key requires client_cert to be set')
  if (ca !== undefined && !isCertificate(ca)) {
    throw parameters.refused(
      'failed to parse certificate data: ca_cert is no PEM certificate',
      'base64 -w 0 ca.cert gives the value',
    )
  }
  if (cert !== undefined && key !== undefined) checkPair(cert, key, parameters)
  return { ca, cert, key, verify: !skipVerify }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}

function checkPair(cert: string, key: string, parameters: SinkParameters): void {
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return
  } catch {
    // Whatever is wrong with them, and no word of what they say.
  }
  throw parameters.refused(
    'invalid client certificate data provided',
    'client_cert and client_key are a PEM certificate and its unencrypted PEM key, each in base64',
  )
}

function readSasl(parameters: SinkParameters): KafkaSasl | undefined {
  const enabled = parameters.bool('sasl_enabled') ?? false
  const handshake = parameters.bool('sasl_handshake')
  const mechanism = parameters
    .text('sasl_mechanism')
    ?.replace(/^SASL-/i, '')
    .toUpperCase()
  const user = parameters.text('sasl_user')
  const password = parameters.text('sasl_password')
  if (!enabled) {
    if (handshake !== undefined)
      throw parameters.refused('sasl_enabled must be enabled to configure SASL handshake behavior')
    if (mechanism !== undefined) throw parameters.refused('sasl_enabled must be enabled to configure SASL mechanism')
    for (const [name, value] of [
      ['sasl_user', user],
      ['sasl_password', password],
      ...Object.values(ofMechanism).flatMap((names) => names.map((name) => [name, parameters.text(name)] as const)),
    ] as const) {
      if (value !== undefined) throw parameters.refused(`sasl_enabled must be enabled if ${name} is provided`)
    }
    return undefined
  }
  const chosen = mechanism ?? 'PLAIN'
  if (!mechanisms.some((known) => known === chosen)) {
    throw parameters.refused(
      'param sasl_mechanism must be one of AWS_MSK_IAM, OAUTHBEARER, PLAIN, SCRAM-SHA-256, or SCRAM-SHA-512',
    )
  }
  if (chosen === 'OAUTHBEARER' || chosen === 'AWS_MSK_IAM') throw cloudMechanism(chosen, parameters)
  for (const [only, names] of Object.entries(ofMechanism)) {
    for (const name of names) {
      if (parameters.text(name) !== undefined)
        throw parameters.refused(`${name} is only a valid parameter for sasl_mechanism=${only}`)
    }
  }
  const lacking = (name: string): FeedError =>
    parameters.refused(`${name} must be provided when SASL is enabled using mechanism ${chosen}`)
  if (user === undefined) throw lacking('sasl_user')
  if (password === undefined) throw lacking('sasl_password')
  return { mechanism: chosen as KafkaSasl['mechanism'], user, password }
}

/** Checked as far as its parameters go, so that a wrong statement hears what is wrong with it. */
function cloudMechanism(mechanism: string, parameters: SinkParameters): FeedError {
  const required =
    mechanism === 'OAUTHBEARER'
      ? ['sasl_client_id', 'sasl_client_secret', 'sasl_token_url']
      : ['sasl_aws_region', 'sasl_aws_iam_role_arn', 'sasl_aws_iam_session_name']
  for (const name of required) {
    if (parameters.text(name) === undefined) {
      return parameters.refused(`${name} must be provided when SASL is enabled using mechanism ${mechanism}`)
    }
  }
  return new FeedError('FEED_UNSUPPORTED', `sasl_mechanism=${mechanism} is not supported yet`, {
    hint: 'PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are',
  })
}

function readHosted(scheme: string, parameters: SinkParameters): KafkaSasl {
  const [userName, passwordName] =
    scheme === 'confluent-cloud'
      ? (['api_key', 'api_secret'] as const)
      : (['shared_access_key_name', 'shared_access_key'] as const)
  const need = (name: string): string => {
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

function unsupportedValue(parameters: SinkParameters, name: string, value: string, only: string): FeedError {
  return parameters.refused(`unsupported value ${value} for parameter ${name}, please use ${only} instead`)
}
