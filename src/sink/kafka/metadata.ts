// Asks a broker for metadata: which brokers there are, and which of them lead the partitions of some topics. A topic or a
// partition with an error is part of the answer, because the other partitions continue.

import { apiVersionsV3, metadataV12, metadataV9, type Connection } from '@platformatic/kafka'
import type { SinkAddress } from '../sink-facts.ts'

const metadataKey = 3
/** The operations of this user are a set of bits; this value means that the broker does not report them. */
const notSaid = -0x80000000
const writeOperation = 4

export interface TopicLayout {
  /** Differs after the topic was deleted and created again; undefined: the broker is too old to report it. */
  readonly id: string | undefined
  /** The broker that leads each partition; -1: no broker leads it at the moment. */
  readonly leaders: readonly number[]
  /** The number of replicas of the partition that has the fewest. */
  readonly replicas: number
  /** This user may write to the topic, or the broker does not report that. */
  readonly mayWrite: boolean
  /** The topic is one of Kafka's own, which takes no messages of clients. */
  readonly isInternal: boolean
}

/** The layout of a topic, or Kafka's error code in place of it. */
export type TopicAnswer = TopicLayout | { readonly code: number }

export interface Metadata {
  readonly brokers: ReadonlyMap<number, SinkAddress>
  readonly topics: ReadonlyMap<string, TopicAnswer>
}

type Response = Pick<Awaited<ReturnType<typeof metadataV12.api.async>>, 'brokers' | 'topics'>

/** Topics that are missing are created if the brokers allow it. */
export async function fetchMetadata(connection: Connection, names: readonly string[]): Promise<Metadata> {
  const { brokers, topics } = await ask(connection, names)
  return {
    brokers: new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }])),
    topics: new Map(
      topics.map((topic) => [topic.name ?? '', topic.errorCode === 0 ? layoutOf(topic) : { code: topic.errorCode }]),
    ),
  }
}

function layoutOf(topic: Response['topics'][number]): TopicLayout {
  const { topicId: id, partitions, isInternal, topicAuthorizedOperations: operations } = topic
  const leaders: number[] = []
  for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId
  return {
    id,
    leaders,
    replicas: Math.min(...partitions.map(({ replicaNodes }) => replicaNodes.length)),
    mayWrite: operations === notSaid || (operations & (1 << writeOperation)) !== 0,
    isInternal,
  }
}

async function ask(connection: Connection, names: readonly string[]): Promise<Response> {
  const isNew = (await newestVersion(connection)) >= metadataV12.api.version
  try {
    return isNew
      ? await metadataV12.api.async(connection, [...names], true, true)
      : await metadataV9.api.async(connection, [...names], true, true, false)
  } catch (error) {
    // The library throws an answer in which a partition has an error, and the answer is in the error.
    const { response } = error as { response?: Response }
    if (response === undefined) throw error
    return response
  }
}

const versions = new WeakMap<Connection, number>()

async function newestVersion(connection: Connection): Promise<number> {
  const known = versions.get(connection)
  if (known !== undefined) return known
  const { apiKeys } = await apiVersionsV3.api.async(connection, 'pg-changefeed', '1')
  const newest = apiKeys.find(({ apiKey }) => apiKey === metadataKey)?.maxVersion ?? 0
  versions.set(connection, newest)
  return newest
}
