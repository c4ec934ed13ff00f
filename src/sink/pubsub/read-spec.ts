// Reads `gcpubsub://project?parameters` and the options of a Pub/Sub sink. The messages are those of CockroachDB.

import { readFlush, readRetry } from '../batching/read-batch-config.ts'
import { ConfigObject } from '../config-object.ts'
import { readGoogleCredentials } from '../google-credentials.ts'
import type { UriParts, WrittenSink } from '../sink-facts.ts'
import type { SinkParameters } from '../sink-parameters.ts'
import { readTopicNames, type TopicNames } from '../topic-names.ts'
import { pubsubConfigFields, pubsubParameters, type PubsubParameter } from './parameters.ts'
import type { PubsubSinkSpec } from './spec.ts'
import { faultOf, isTopicName, topicNameRule } from './topic-name.ts'

type Parameters = SinkParameters<PubsubParameter>

export function readSpec({ option, tables, ...uri }: WrittenSink): PubsubSinkSpec {
  const isUnordered = option('unordered') !== undefined
  const { topicPrefix, topicName, hasAttribute, ...read } = readUri(uri, isUnordered)
  const { text, position = 0 } = option('pubsub_sink_config') ?? {}
  const config = ConfigObject.read({ name: 'pubsub_sink_config', text, position, fields: pubsubConfigFields })
  const topics = tables.map(({ topic }) => topicPrefix + (topicName ?? topic))
  for (const [index, topic] of topics.entries()) {
    if (!isTopicName(topic) && !isEmulated())
      throw refusedTopic(topic, { table: tables[index]?.tableName ?? '', topicName }, uri)
  }
  return {
    tag: 'pubsub',
    ...read,
    isOrdered: !isUnordered,
    topics,
    tableNames: hasAttribute ? tables.map(({ topic }) => topic) : undefined,
    format: option('format')?.text?.toLowerCase() === 'csv' ? 'csv' : 'json',
    flush: readFlush(config.object('Flush')),
    retry: readRetry(config.object('Retry')),
  }
}

/** An emulator has rules of its own. */
function isEmulated(): boolean {
  return (process.env['PUBSUB_EMULATOR_HOST'] ?? '') !== ''
}

/** The name of a table may be none of a topic. */
function refusedTopic(
  topic: string,
  { table, topicName }: Pick<TopicNames, 'topicName'> & { readonly table: string },
  { parameters }: UriParts,
): Error {
  const whose = topicName === undefined ? ` of table "${table}"` : ''
  const instead =
    topicName === undefined
      ? 'topic_name=… gives another name, and topic_prefix=… a longer one'
      : 'give another topic_name or topic_prefix'
  return parameters.refused(
    `Pub/Sub takes no topic ${JSON.stringify(topic)}${whose}: ${faultOf(topic)}`,
    `${topicNameRule}: ${instead}`,
  )
}

interface PubsubUri extends TopicNames, Pick<PubsubSinkSpec, 'project' | 'region' | 'credentials'> {
  readonly hasAttribute: boolean
}

function readUri({ place, parameters }: UriParts, isUnordered: boolean): PubsubUri {
  const project = readProject(place, parameters)
  const region = readRegion(parameters, isUnordered)
  const hasAttribute = parameters.bool('with_table_name_attribute') ?? false
  const topicNames = readTopicNames(parameters)
  const credentials = readGoogleCredentials(parameters)
  parameters.end('pubsub sink', Object.keys(pubsubParameters))
  return { project, region, ...topicNames, hasAttribute, credentials }
}

function readProject(place: string, parameters: Parameters): string {
  if (place.includes('@')) {
    throw parameters.refused('a Pub/Sub sink URI has no user and password', 'give a key file as CREDENTIALS')
  }
  const [project = '', ...path] = place.split('/')
  if (project === '')
    throw parameters.refused('missing project name', "for example 'gcpubsub://my-project?region=us-east1'")
  if (path.some((part) => part !== '')) {
    throw parameters.refused('a Pub/Sub sink URI has no path after the project', 'a topic is named by topic_name')
  }
  // Projects of a domain have a colon in their names.
  if (!/^[\w.:-]+$/.test(project))
    throw parameters.refused('the project of the sink URI has characters that no project has')
  return project
}

function readRegion(parameters: Parameters, isUnordered: boolean): string | undefined {
  const region = parameters.text('region') ?? ''
  if (region === '' && !isUnordered) {
    throw parameters.refused(
      'region query parameter not found',
      'Use of gcpubsub without specifying a region requires the WITH unordered option.',
    )
  }
  // It becomes a part of the name of a host.
  if (!/^[a-z0-9-]*$/.test(region)) {
    throw parameters.refused('param region must be the name of a region of Google Cloud', 'for example us-east1')
  }
  return region === '' ? undefined : region
}
