// A changefeed without INTO: its messages are rows on the client's connection.

import type { SinkFacts } from '../sink-facts.ts'
import type { RowsSinkSpec } from './spec.ts'

export const rows: SinkFacts<RowsSinkSpec> = {
  tag: 'rows',
  label: 'connection',
  schemes: [],
  options: ['avro_schema_prefix', 'confluent_schema_registry'],
  withoutFormats: ['parquet', 'protobuf'],
  readSpec: ({ rowFormats, mostValueBytes }) => ({ tag: 'rows', formats: rowFormats, mostValueBytes }),
  open: () => import('./open.ts'),
}
