// Finds out why brokers do not create a topic that is missing. Metadata, the request by which brokers create topics, answers
// "unknown topic" in any case. CreateTopics, with the flag that only validates the request, answers with the reason.

import { createTopicsV7, type Connection } from '@platformatic/kafka'
import { FeedError } from '../../errors/feed-error.ts'
import type { KafkaSinkSpec } from './spec.ts'
import { codeName, codeText, createHint, kafkaCode, topicError } from './kafka-errors.ts'

const timeoutMs = 10_000
/** Stands for the numbers of partitions and replicas that the brokers are configured for. */
const asConfigured = -1

export interface CreationRefusal {
  readonly code: number
  /** The broker's message. */
  readonly said: string | undefined
}

type Response = Pick<Awaited<ReturnType<typeof createTopicsV7.api.async>>, 'topics'>

/** Returns the topics that cannot be created; none if the broker is too old for the question. */
export async function creationRefusals(
  connection: Connection,
  names: readonly string[],
): Promise<ReadonlyMap<string, CreationRefusal>> {
  const asBrokersSay = { numPartitions: asConfigured, replicationFactor: asConfigured, assignments: [], configs: [] }
  const asked = names.map((name) => ({ name, ...asBrokersSay }))
  const { topics } = await createTopicsV7.api.async(connection, asked, timeoutMs, true).catch((error: unknown) => {
    // The library throws an answer in which any topic has an error.
    const { response } = error as { response?: Response }
    return response ?? { topics: [] }
  })
  const refused = topics.filter(({ errorCode }) => errorCode !== 0 && errorCode !== kafkaCode.topicAlreadyExists)
  return new Map(
    refused.map(({ name, errorCode, errorMessage }) => [name, { code: errorCode, said: errorMessage ?? undefined }]),
  )
}

/** Returns whether waiting cannot help. Missing brokers or rights may come; a name or setting that is refused stays so. */
export function isFinal({ code }: CreationRefusal): boolean {
  return code === kafkaCode.invalidTopic || code === kafkaCode.policyViolation || code === kafkaCode.invalidConfig
}

export function creationError(topic: string, { code, said }: CreationRefusal, spec: KafkaSinkSpec): FeedError {
  const [, other] = /collides with existing topics?: ([\w.-]+)/.exec(said ?? '') ?? []
  if (code === kafkaCode.invalidTopic && other !== undefined) {
    const message = `Kafka does not make topic ${topic}: topic ${other} is there already, and names that differ only in "." and "_" are the same to it (INVALID_TOPIC_EXCEPTION)`
    return new FeedError('FEED_SINK', message, { hint: 'give the changefeed another topic_prefix or topic_name' })
  }
  const hint = createHint(topic, spec)
  if (code === kafkaCode.topicAuthorization || code === kafkaCode.clusterAuthorization) {
    const message = `Kafka has no topic ${topic}, and this user may not create it (${codeName(code)})`
    return new FeedError('FEED_SINK', message, { hint })
  }
  if (code === kafkaCode.invalidTopic && said === undefined) return topicError(topic, code, spec)
  const words = said === undefined ? codeText(code) : `${said.replace(/\.$/, '')} (${codeName(code)})`
  return new FeedError('FEED_SINK', `Kafka does not make topic ${topic}: ${words}`, { hint })
}
