// Why brokers that make topics do not make one. The request that has them do so, Metadata, answers "unknown topic" either
// way; CreateTopics, asked to check and to do nothing, says what is in the way.

import { createTopicsV7, type Connection } from '@platformatic/kafka'
import { FeedError } from '../../errors/feed-error.ts'
import type { KafkaSinkSpec } from './spec.ts'
import { codeName, codeText, kafkaCode, topicError } from './kafka-errors.ts'

const timeoutMs = 10_000
/** In place of a number of partitions and replicas: as the brokers are configured. */
const asConfigured = -1

export interface CreationRefusal {
  readonly code: number
  /** The broker's own words. */
  readonly said: string | undefined
}

interface Response {
  readonly topics: readonly {
    readonly name: string
    readonly errorCode: number
    readonly errorMessage: string | null
  }[]
}

/** Of those that cannot be made. None for a broker that is too old to be asked. */
export async function creationRefusals(
  connection: Connection,
  names: readonly string[],
): Promise<ReadonlyMap<string, CreationRefusal>> {
  const { topics } = await ask(connection, names).catch((error: unknown) => {
    // The library throws an answer in which any topic has an error.
    const { response } = error as { response?: Response }
    return response ?? { topics: [] }
  })
  const refused = topics.filter(({ errorCode }) => errorCode !== 0 && errorCode !== kafkaCode.topicAlreadyExists)
  return new Map(
    refused.map(({ name, errorCode, errorMessage }) => [name, { code: errorCode, said: errorMessage ?? undefined }]),
  )
}

function ask(connection: Connection, names: readonly string[]): Promise<Response> {
  const topics = names.map((name) => ({
    name,
    numPartitions: asConfigured,
    replicationFactor: asConfigured,
    assignments: [],
    configs: [],
  }))
  return createTopicsV7.api.async(connection, topics, timeoutMs, true) as Promise<Response>
}

/** Whether waiting cannot help: it is not for want of brokers or rights, which may come. */
export function isFinal({ code }: CreationRefusal): boolean {
  return code === kafkaCode.invalidTopic || code === kafkaCode.policyViolation || code === kafkaCode.invalidConfig
}

export function creationError(topic: string, { code, said }: CreationRefusal, spec: KafkaSinkSpec): FeedError {
  const [, other] = /collides with existing topics?: ([\w.-]+)/.exec(said ?? '') ?? []
  if (code === kafkaCode.invalidTopic && other !== undefined) {
    return new FeedError(
      'FEED_SINK',
      `Kafka does not make topic ${topic}: topic ${other} is there already, and names that differ only in "." and "_" are the same to it (INVALID_TOPIC_EXCEPTION)`,
      { hint: 'give the changefeed another topic_prefix or topic_name' },
    )
  }
  const create = `kafka-topics.sh --bootstrap-server ${spec.brokers[0]} --create --topic ${topic} --partitions 1`
  if (code === kafkaCode.topicAuthorization || code === kafkaCode.clusterAuthorization) {
    return new FeedError(
      'FEED_SINK',
      `Kafka has no topic ${topic}, and this user may not create it (${codeName(code)})`,
      {
        hint: create,
      },
    )
  }
  if (code === kafkaCode.invalidTopic && said === undefined) return topicError(topic, code, spec)
  const words = said === undefined ? codeText(code) : `${said.replace(/\.$/, '')} (${codeName(code)})`
  return new FeedError('FEED_SINK', `Kafka does not make topic ${topic}: ${words}`, { hint: create })
}
