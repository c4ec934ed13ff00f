// The parameters topic_prefix and topic_name, which say how sinks name their topics.

import type { ParameterFacts, SinkParameters } from './sink-parameters.ts'

export const topicParameters = {
  topic_prefix: { about: 'Stands in front of the name of every topic.' },
  topic_name: { default: 'the name of the table', about: 'One topic for all tables of the changefeed.' },
} as const satisfies Readonly<Record<string, ParameterFacts>>

export interface TopicNames {
  readonly topicPrefix: string
  /** The topic of all tables; undefined: each table has its own. */
  readonly topicName: string | undefined
}

export function readTopicNames(parameters: SinkParameters<keyof typeof topicParameters>): TopicNames {
  const topicPrefix = parameters.text('topic_prefix') ?? ''
  const topicName = parameters.text('topic_name')
  if (topicName === '') {
    throw parameters.refused(
      'param topic_name must not be empty',
      'leave it out, and topics are named after the tables',
    )
  }
  return { topicPrefix, topicName }
}
