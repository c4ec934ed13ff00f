// What statements may say with format=avro. avro-encoder.ts writes the messages.

import type { FormatFacts } from '../format-facts.ts'
import { refusedByName, refusedColumn } from './refused-type.ts'

export const avro: FormatFacts = {
  name: 'avro',
  extension: 'avro',
  oldNames: { experimental_avro: 'avro is no longer experimental, use format=avro' },
  envelopes: ['wrapped', 'key_only', 'bare', 'enriched'],
  options: ['avro_schema_prefix', 'confluent_schema_registry', 'headers_json_column_name'],
  withoutOptions: ['key_in_value', 'topic_in_value'],
  wrappedOptions: ['key_in_value', 'topic_in_value', 'updated', 'mvcc_timestamp', 'diff'],
  neededOption: 'confluent_schema_registry',
  neededOptionHint: "name the schema registry: confluent_schema_registry = 'http://host:8081'",
  checkColumn: ({ schema, table, column, type }) => {
    const refused = refusedByName(type)
    if (refused !== undefined) throw refusedColumn({ schema, table, column, type: refused })
  },
  open: () => import('./avro-encoder.ts'),
}
