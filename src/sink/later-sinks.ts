// Sinks that are known and not built yet. A mistake in the options of a statement with such a sink is reported first, and
// only then that the sink is not supported yet. The facts of a sink move into its folder when it is built.

import type { SinkFacts } from './sink-facts.ts'

type Facts = Omit<SinkFacts, 'readSpec'> & Partial<Pick<SinkFacts, 'readSpec'>>

const onlyJsonAndCsv = ['avro', 'parquet', 'protobuf']

const facts: readonly Facts[] = [
  {
    tag: 'pulsar',
    label: 'Pulsar',
    schemes: ['pulsar'],
    options: ['avro_schema_prefix', 'confluent_schema_registry', 'kafka_sink_config'],
    withoutFormats: onlyJsonAndCsv,
    withoutEnvelopes: ['row', 'key_only', 'enriched'],
    readSpec: ({ parameters }) => {
      if (parameters.text('topic_prefix') !== undefined) throw parameters.refused('topic_prefix is not yet supported')
      return { tag: 'pulsar' }
    },
  },
  {
    tag: 'later-cloud',
    label: 'cloud storage',
    schemes: ['userfile'],
    options: ['compression', 'csv_header'],
    withoutFormats: ['avro'],
    withoutEnvelopes: ['row', 'key_only', 'enriched'],
  },
  {
    tag: 'sql',
    label: 'SQL',
    schemes: ['experimental-sql'],
    options: ['confluent_schema_registry'],
    readSpec: ({ parameters }) => {
      for (const name of ['sslcert', 'sslkey', 'sslmode', 'sslrootcert', 'topic_prefix']) parameters.text(name)
      parameters.end('SQL sink', [])
      return { tag: 'sql' }
    },
  },
  {
    tag: 'external',
    label: 'external',
    schemes: ['external'],
    options: ['confluent_schema_registry'],
  },
]

/** A statement with such a sink fails before its specification is used. */
export const laterSinks: readonly SinkFacts[] = facts.map((later) => ({
  readSpec: () => ({ tag: later.tag }),
  ...later,
}))
