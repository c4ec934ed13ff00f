// Formats that are known and not built yet: statements with them are checked as if they were, and refused last.

import type { FormatFacts } from './format-facts.ts'

const wrappedOptions = ['key_in_value', 'topic_in_value', 'updated', 'mvcc_timestamp', 'diff']

export const laterFormats: readonly FormatFacts[] = [
  {
    name: 'avro',
    extension: 'avro',
    oldNames: { experimental_avro: 'avro is no longer experimental, use format=avro' },
    envelopes: ['wrapped', 'key_only', 'bare', 'enriched'],
    options: ['avro_schema_prefix', 'confluent_schema_registry', 'headers_json_column_name'],
    withoutOptions: ['key_in_value', 'topic_in_value'],
    wrappedOptions,
    neededOption: 'confluent_schema_registry',
  },
  {
    name: 'parquet',
    extension: 'parquet',
    envelopes: ['wrapped', 'row', 'key_only', 'bare'],
    excludedOptions: ['topic_in_value'],
  },
  { name: 'protobuf', extension: 'pb', envelopes: ['wrapped', 'row', 'key_only', 'bare', 'enriched'], wrappedOptions },
]
