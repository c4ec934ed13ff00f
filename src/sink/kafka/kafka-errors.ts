// Errors of Kafka and of the client library as errors of ours: nested errors in one line, hints, and which codes may
// be gone at a later attempt. No message contains a password: the library does not repeat what it was given.

import { protocolErrors, protocolErrorsCodesById } from '@platformatic/kafka'
import type { KafkaSinkSpec } from './spec.ts'
import { FeedError } from '../../errors/feed-error.ts'

/** The error codes of Kafka on which our code depends. */
export const kafkaCode = {
  unknownTopic: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  networkException: 13,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  invalidTopic: 17,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  topicAuthorization: 29,
  clusterAuthorization: 31,
  topicAlreadyExists: 36,
  invalidConfig: 40,
  policyViolation: 44,
  duplicateSequence: 46,
  kafkaStorageError: 56,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
} as const

const passing: ReadonlySet<number> = new Set([
  kafkaCode.unknownTopic,
  kafkaCode.leaderNotAvailable,
  kafkaCode.notLeader,
  kafkaCode.requestTimedOut,
  kafkaCode.networkException,
  kafkaCode.notEnoughReplicas,
  kafkaCode.notEnoughReplicasAfterAppend,
  kafkaCode.kafkaStorageError,
  kafkaCode.fencedLeaderEpoch,
  kafkaCode.unknownLeaderEpoch,
])

/** Returns whether the same request may succeed a little later, with newer metadata. */
export function mayPass(code: number): boolean {
  return passing.has(code)
}

/** Returns the messages of an error and of all errors inside it, each once. */
export function flatMessage(error: unknown): string {
  const texts: string[] = []
  const visit = (value: unknown, depth: number): void => {
    if (!(value instanceof Error) || depth > 6) return
    const { message, cause } = value
    const inner = (value as { errors?: unknown }).errors
    // Node adds advice to start it with other flags, which does not help the operator of a server.
    const text = message.replace(/; if the root CA is installed locally, .*$/, '')
    if (text !== '' && !texts.some((other) => other.includes(text))) texts.push(text)
    if (Array.isArray(inner)) for (const one of inner) visit(one, depth + 1)
    visit(cause, depth + 1)
  }
  visit(error, 0)
  return texts.length === 0 ? String(error) : texts.join(': ')
}

/** Returns Kafka's codes in an error of the library and in all errors inside it. */
export function codesOf(error: unknown): number[] {
  const { apiCode, errors, cause } = error as { apiCode?: unknown; errors?: unknown; cause?: unknown }
  const inner = [...(Array.isArray(errors) ? errors : []), ...(cause instanceof Error ? [cause] : [])]
  return [...(typeof apiCode === 'number' ? [apiCode] : []), ...inner.flatMap(codesOf)]
}

/** Returns the error, among `error` and all errors inside it, that says that the credentials are refused for good. */
export function refusedCredentials(error: unknown): FeedError | undefined {
  if (error instanceof FeedError && error.code === 'FEED_CREDENTIALS') return error
  const { errors, cause } = error as { errors?: unknown; cause?: unknown }
  for (const inner of [...(Array.isArray(errors) ? errors : []), ...(cause instanceof Error ? [cause] : [])]) {
    const found = refusedCredentials(inner)
    if (found !== undefined) return found
  }
  return undefined
}

export function sinkError(what: string, error: unknown): FeedError {
  if (error instanceof FeedError) return error
  const refused = refusedCredentials(error)
  if (refused !== undefined) return refused
  return new FeedError('FEED_SINK', `${what}: ${flatMessage(error)}`, { cause: error })
}

/** Returns the error for a code that metadata has in place of a topic's partitions. */
export function topicError(topic: string, code: number, spec: KafkaSinkSpec): FeedError {
  if (code === kafkaCode.unknownTopic) {
    return new FeedError(
      'FEED_SINK',
      `Kafka has no topic ${topic}, and its brokers do not create it (auto.create.topics.enable)`,
      { hint: `kafka-topics.sh --bootstrap-server ${spec.brokers[0]} --create --topic ${topic} --partitions 1` },
    )
  }
  if (code === kafkaCode.topicAuthorization) return notAuthorized(topic, spec)
  if (code === kafkaCode.invalidTopic) {
    return new FeedError(
      'FEED_SINK',
      `Kafka does not make topic ${topic}: a topic whose name differs from it only in "." and "_" is there already (INVALID_TOPIC_EXCEPTION)`,
      {
        hint: 'give the changefeed another topic_prefix or topic_name: Kafka holds "." and "_" for the same in names of metrics',
      },
    )
  }
  if (code === kafkaCode.leaderNotAvailable)
    return new FeedError('FEED_SINK', `topic ${topic} has no leader at the moment`)
  return new FeedError('FEED_SINK', `Kafka gives no partitions of topic ${topic}: ${codeText(code)}`)
}

export function internalTopic(topic: string): FeedError {
  return new FeedError('FEED_SINK', `topic ${topic} is one of Kafka’s own and takes no messages of a changefeed`, {
    hint: 'give the changefeed another topic_name or topic_prefix',
  })
}

export function compactedTopic(topic: string): FeedError {
  return new FeedError(
    'FEED_SINK',
    `topic ${topic} is compacted (cleanup.policy=compact) and takes no resolved messages, which have no key`,
    { hint: 'leave out resolved, or send it to a topic with cleanup.policy=delete' },
  )
}

export function tooFewReplicas(
  topic: string,
  { needed, replicas }: { readonly needed: number; readonly replicas: number },
): FeedError {
  return new FeedError(
    'FEED_SINK',
    `topic ${topic} wants ${needed} replicas in sync (min.insync.replicas) and has only ${replicas}: it takes no messages with RequiredAcks ALL`,
    { hint: 'lower min.insync.replicas of the topic, give it more replicas, or leave RequiredAcks at ONE' },
  )
}

export function notAuthorized(topic: string, spec: KafkaSinkSpec): FeedError {
  return new FeedError('FEED_SINK', `Kafka does not let this user write topic ${topic} (TOPIC_AUTHORIZATION_FAILED)`, {
    hint: aclHint(spec, `--operation Write --operation Create --topic ${topic}`),
  })
}

/** Returns the error for a broker's answer to a batch. */
export function produceError(
  { topic, partition }: { readonly topic: string; readonly partition: number },
  code: number,
  message: string | undefined,
  spec: KafkaSinkSpec,
): FeedError {
  if (code === kafkaCode.topicAuthorization) return notAuthorized(topic, spec)
  if (code === kafkaCode.clusterAuthorization) return notIdempotent(spec)
  const said = message ?? codeText(code)
  return new FeedError('FEED_SINK', `Kafka did not take messages of topic ${topic}, partition ${partition}: ${said}`)
}

/** Returns Kafka's name of an error code. */
export function codeName(code: number): string {
  return protocolErrorsCodesById[code] ?? `error code ${code}`
}

export function codeText(code: number): string {
  const id = protocolErrorsCodesById[code]
  const known = id === undefined ? undefined : protocolErrors[id]
  return known === undefined ? `error code ${code}` : `${known.message.replace(/\.$/, '')} (${known.id})`
}

/** The message names the row by the time of its commit, because its key is a value of the row. */
export function tooLarge(
  { topic, bytes, time }: { readonly topic: string; readonly bytes: number; readonly time: string | undefined },
  { topics, sources }: KafkaSinkSpec,
): FeedError {
  const mvcc = time === undefined ? '' : `, mvcc=${time}`
  const source = sources.filter((_, i) => topics[i] === topic).join(' or ')
  return new FeedError(
    'FEED_SINK',
    `message too large: a row of ${source} gives a message that topic ${topic} does not take (size=${bytes}${mvcc})`,
    {
      hint: 'raise max.message.bytes of the topic (and replica.fetch.max.bytes of the brokers), or compress with kafka_sink_config',
    },
  )
}

/** Returns the error for a refused request for a producer id. */
export function notIdempotent(spec: KafkaSinkSpec): FeedError {
  return new FeedError(
    'FEED_SINK',
    'Kafka does not let this user write idempotently, as RequiredAcks ALL does (CLUSTER_AUTHORIZATION_FAILED)',
    { hint: aclHint(spec, '--operation IdempotentWrite --cluster') },
  )
}

function aclHint({ brokers }: KafkaSinkSpec, what: string): string {
  return `kafka-acls.sh --bootstrap-server ${brokers[0]} --add --allow-principal User:NAME ${what}`
}
