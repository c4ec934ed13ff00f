// Turns errors of Kafka and of the client library into errors of ours, with nested errors in one line and with hints, and
// says which codes may be gone at a later attempt. No message contains a password: the library does not repeat passwords.

import { protocolErrors, protocolErrorsCodesById } from '@platformatic/kafka'
import { FeedError } from '../../errors/feed-error.ts'
import type { KafkaSinkSpec, Partition } from './spec.ts'

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

/** The codes after which the same request may succeed a little later, with newer metadata. */
export const passingCodes: ReadonlySet<number> = new Set([
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

/** Returns the messages of an error and of all errors inside it, each once. */
export function flatMessage(error: unknown): string {
  const texts: string[] = []
  const visit = (value: unknown, depth: number): void => {
    if (!(value instanceof Error) || depth > 6) return
    // Node adds advice to start it with other flags, which does not help the operator of a server.
    const text = value.message.replace(/; if the root CA is installed locally, .*$/, '')
    if (text !== '' && !texts.some((other) => other.includes(text))) texts.push(text)
    for (const inner of innerErrors(value)) visit(inner, depth + 1)
  }
  visit(error, 0)
  return texts.length === 0 ? String(error) : texts.join(': ')
}

/** Returns Kafka's codes in an error of the library and in all errors inside it. */
export function codesOf(error: unknown): number[] {
  const { apiCode } = error as { apiCode?: unknown }
  return [...(typeof apiCode === 'number' ? [apiCode] : []), ...innerErrors(error).flatMap(codesOf)]
}

/** Credentials that are refused, and addresses that may not be reached: it is the same with another broker, and later. */
const finalCodes: ReadonlySet<string> = new Set(['FEED_CREDENTIALS', 'FEED_PRIVILEGE'])

/** Returns the error, among `error` and all errors inside it, that is final. */
export function finalRefusal(error: unknown): FeedError | undefined {
  if (error instanceof FeedError && finalCodes.has(error.code)) return error
  return innerErrors(error)
    .map(finalRefusal)
    .find((found) => found !== undefined)
}

function innerErrors(error: unknown): unknown[] {
  const { errors, cause } = error as { errors?: unknown; cause?: unknown }
  return [...(Array.isArray(errors) ? errors : []), ...(cause instanceof Error ? [cause] : [])]
}

export function sinkError(what: string, error: unknown): FeedError {
  if (error instanceof FeedError) return error
  return finalRefusal(error) ?? new FeedError('FEED_SINK', `${what}: ${flatMessage(error)}`, { cause: error })
}

/** Returns the error for a code that metadata has in place of a topic's partitions. */
export function topicError(topic: string, code: number, spec: KafkaSinkSpec): FeedError {
  if (code === kafkaCode.unknownTopic) {
    const message = `Kafka has no topic ${topic}, and its brokers do not create it (auto.create.topics.enable)`
    return new FeedError('FEED_SINK', message, { hint: createHint(topic, spec) })
  }
  if (code === kafkaCode.topicAuthorization) return notAuthorized(topic, spec)
  if (code === kafkaCode.invalidTopic) {
    const message = `Kafka does not make topic ${topic}: a topic whose name differs from it only in "." and "_" is there already (INVALID_TOPIC_EXCEPTION)`
    return new FeedError('FEED_SINK', message, {
      hint: 'give the changefeed another topic_prefix or topic_name: Kafka holds "." and "_" for the same in names of metrics',
    })
  }
  if (code === kafkaCode.leaderNotAvailable)
    return new FeedError('FEED_SINK', `topic ${topic} has no leader at the moment`)
  return new FeedError('FEED_SINK', `Kafka gives no partitions of topic ${topic}: ${codeText(code)}`)
}

/** Returns the error for a topic that this user may not write to. */
export function notAuthorized(topic: string, spec: KafkaSinkSpec): FeedError {
  const message = `Kafka does not let this user write topic ${topic} (TOPIC_AUTHORIZATION_FAILED)`
  const hint = aclHint(spec, `--operation Write --operation Create --topic ${topic}`)
  return new FeedError('FEED_SINK', message, { hint })
}

/** Returns the error for a refused request for a producer id. */
export function notIdempotent(spec: KafkaSinkSpec): FeedError {
  const message =
    'Kafka does not let this user write idempotently, as RequiredAcks ALL does (CLUSTER_AUTHORIZATION_FAILED)'
  return new FeedError('FEED_SINK', message, { hint: aclHint(spec, '--operation IdempotentWrite --cluster') })
}

/** Returns the error for a broker's answer to a batch. */
export function produceError(
  { topic, partition }: Partition,
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

/** Returns the command that creates a topic. */
export function createHint(topic: string, { brokers }: KafkaSinkSpec): string {
  return `kafka-topics.sh --bootstrap-server ${brokers[0]} --create --topic ${topic} --partitions 1`
}

function aclHint({ brokers }: KafkaSinkSpec, what: string): string {
  return `kafka-acls.sh --bootstrap-server ${brokers[0]} --add --allow-principal User:NAME ${what}`
}
