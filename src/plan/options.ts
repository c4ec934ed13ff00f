// Every option of CREATE CHANGEFEED, in one table. Reading the statement, checking it against the sink, and the
// reference page all go by it. An option that is known and not built yet is here too: it must never look unknown,
// and never be silently ignored.

import type { SinkKind } from './sink-uri.ts'

export interface OptionFacts {
  readonly kind: OptionKind
  /** `optional`: may be written bare. Flags take none. */
  readonly value: 'none' | 'optional' | 'required'
  /** What the value may be, for `enum` and `list`; case of an enum value does not matter. */
  readonly values?: readonly string[]
  /** For the reference page; undefined: off, or nothing. */
  readonly default?: string
  /** Sinks it fits; the discarding sink takes everything. */
  readonly sinks: 'all' | readonly SinkKind[]
  /** False: a later version. A list: only these values so far. */
  readonly built: boolean | readonly string[]
  /** One sentence. */
  readonly about: string
}

export type OptionKind = 'flag' | 'duration' | 'timestamp' | 'enum' | 'list' | 'json' | 'string'

const flag = { kind: 'flag', value: 'none' } as const
const everywhere = { sinks: 'all', built: true } as const
const later = { sinks: 'all', built: false } as const

export const options = {
  avro_schema_prefix: {
    kind: 'string',
    value: 'required',
    sinks: ['sinkless', 'kafka', 'pulsar'],
    built: false,
    about: 'Namespace of the Avro schemas and prefix of their names and subjects.',
  },
  compression: {
    kind: 'enum',
    value: 'required',
    values: ['gzip', 'zstd'],
    sinks: ['cloud', 'webhook'],
    built: false,
    about: 'Compresses the files or requests.',
  },
  confluent_schema_registry: {
    kind: 'string',
    value: 'required',
    sinks: ['sinkless', 'kafka', 'pulsar', 'sql', 'external'],
    built: false,
    about: 'Base URL of the schema registry; Avro needs one.',
  },
  cursor: {
    kind: 'timestamp',
    value: 'required',
    ...everywhere,
    about: 'Emits what changed strictly after this time; without an `initial_scan` option there is no scan then.',
  },
  diff: {
    ...flag,
    ...everywhere,
    about: 'Adds `before`, the row prior to the change or null; part of the wrapped envelope only.',
  },
  encode_json_value_null_as_object: {
    ...flag,
    ...everywhere,
    about:
      'Prints a JSON `null` inside a JSONB column as `{"__crdb_json_null__": true}`, which tells it from SQL NULL.',
  },
  end_time: {
    kind: 'timestamp',
    value: 'required',
    ...everywhere,
    about: 'Emits everything up to and including this time, then ends with success; it may lie in the future.',
  },
  enriched_properties: {
    kind: 'list',
    value: 'required',
    values: ['source', 'schema'],
    ...later,
    about: 'Adds the `source` and `schema` parts to the enriched envelope.',
  },
  envelope: {
    kind: 'enum',
    value: 'required',
    values: ['row', 'key_only', 'wrapped', 'deprecated_row', 'bare', 'enriched'],
    default: 'wrapped',
    sinks: 'all',
    built: ['row', 'key_only', 'wrapped', 'deprecated_row'],
    about: 'The shape of a value: see the guide to messages. `deprecated_row` is another spelling of `row`.',
  },
  execution_locality: {
    kind: 'string',
    value: 'required',
    ...later,
    about: 'Runs the feed only on servers whose locality matches.',
  },
  extra_headers: {
    kind: 'json',
    value: 'required',
    sinks: ['kafka', 'webhook'],
    built: true,
    about: 'Headers sent with every message, as a JSON object.',
  },
  format: {
    kind: 'enum',
    value: 'required',
    values: ['json', 'avro', 'csv', 'experimental_avro', 'parquet', 'protobuf'],
    default: 'json',
    sinks: 'all',
    built: ['json'],
    about: 'The encoding of keys and values.',
  },
  full_table_name: {
    ...flag,
    ...everywhere,
    about: 'Names tables as `database.schema.table` in the output.',
  },
  gc_protect_expires_after: {
    kind: 'duration',
    value: 'required',
    ...later,
    about: 'How long a paused feed may hold history.',
  },
  headers_json_column_name: {
    kind: 'string',
    value: 'required',
    sinks: ['kafka'],
    built: false,
    about: 'A JSONB column whose members become message headers and leave the value.',
  },
  ignore_disable_changefeed_replication: {
    kind: 'flag',
    value: 'optional',
    values: ['true', 'false'],
    ...everywhere,
    about: 'Emits also what sessions with `disable_changefeed_replication` wrote; nothing is left out today anyway.',
  },
  initial_scan: {
    kind: 'enum',
    value: 'optional',
    values: ['yes', 'no', 'only'],
    default: '`yes`, or `no` with `cursor`',
    ...everywhere,
    about:
      'Whether the rows that exist are emitted first; written bare it means `yes`; with `only` the feed ends after them.',
  },
  initial_scan_only: {
    ...flag,
    ...everywhere,
    about: "The same as `initial_scan = 'only'`.",
  },
  kafka_sink_config: {
    kind: 'json',
    value: 'required',
    sinks: ['kafka', 'pulsar'],
    built: true,
    about: 'Batching, acknowledgement, compression and client id of the Kafka producer.',
  },
  key_column: {
    kind: 'string',
    value: 'required',
    ...later,
    about: 'Uses this column in place of the primary key to choose the partition; needs `unordered`.',
  },
  key_in_value: {
    ...flag,
    ...everywhere,
    about: 'Adds `key`, the primary key array, to the value.',
  },
  lagging_ranges_polling_interval: {
    kind: 'duration',
    value: 'required',
    default: '1m',
    ...later,
    about: 'How often lagging ranges are counted.',
  },
  lagging_ranges_threshold: {
    kind: 'duration',
    value: 'required',
    default: '3m',
    ...later,
    about: 'From which lag on a range counts as lagging.',
  },
  metrics_label: {
    kind: 'string',
    value: 'required',
    ...everywhere,
    about: 'Puts the metrics of the feed under this `scope` label: below 128 bytes, and not `default`.',
  },
  min_checkpoint_frequency: {
    kind: 'duration',
    value: 'required',
    default: '30s',
    ...everywhere,
    about: 'Least time between two checkpoints; resolved messages come no faster. `0` is as often as possible.',
  },
  mvcc_timestamp: {
    ...flag,
    ...everywhere,
    about: 'Adds `mvcc_timestamp`, the commit time of the row version, true also in scans.',
  },
  no_initial_scan: {
    ...flag,
    ...everywhere,
    about: "The same as `initial_scan = 'no'`.",
  },
  on_error: {
    kind: 'enum',
    value: 'required',
    values: ['pause', 'fail'],
    default: 'fail',
    ...everywhere,
    about: 'What a terminal error does to the job; a feed without a job reports the error and ends.',
  },
  protect_data_from_gc_on_pause: {
    ...flag,
    ...everywhere,
    about: 'Retired: data is always protected.',
  },
  pubsub_sink_config: {
    kind: 'json',
    value: 'required',
    sinks: ['pubsub'],
    built: false,
    about: 'Batching and retries of the Pub/Sub client.',
  },
  resolved: {
    kind: 'duration',
    value: 'optional',
    ...everywhere,
    about: 'Emits resolved timestamps: at each advance, or once it advanced by at least this much.',
  },
  schema_change_events: {
    kind: 'enum',
    value: 'required',
    values: ['column_changes', 'default'],
    default: 'default',
    ...everywhere,
    about: 'Which DDL counts as a schema change; no schema change repeats or ends a feed yet.',
  },
  schema_change_policy: {
    kind: 'enum',
    value: 'required',
    values: ['backfill', 'nobackfill', 'stop', 'ignore'],
    default: 'backfill',
    ...everywhere,
    about: 'What a schema change does to the feed; rows simply follow the new schema yet, whatever the policy.',
  },
  split_column_families: {
    ...flag,
    ...later,
    about: 'Emits one message per column family; tables here have none.',
  },
  topic_in_value: {
    kind: 'flag',
    value: 'optional',
    values: ['true', 'false'],
    ...everywhere,
    about: 'Adds `topic`, the name of the table as the output shows it, to the value.',
  },
  unordered: {
    ...flag,
    ...later,
    about: 'Gives up the order per key where a sink can gain from it.',
  },
  updated: {
    ...flag,
    ...everywhere,
    about: 'Adds `updated`, the commit timestamp of the change, or the time of the scan for scanned rows.',
  },
  virtual_columns: {
    kind: 'enum',
    value: 'required',
    values: ['omitted', 'null'],
    default: 'omitted',
    sinks: 'all',
    built: ['omitted'],
    about: 'Whether virtual generated columns are left out or printed as null.',
  },
  webhook_auth_header: {
    kind: 'string',
    value: 'required',
    sinks: ['webhook'],
    built: false,
    about: 'The `Authorization` header of the requests.',
  },
  webhook_client_timeout: {
    kind: 'duration',
    value: 'required',
    default: '3s',
    sinks: ['webhook'],
    built: false,
    about: 'How long a request may take.',
  },
  webhook_sink_config: {
    kind: 'json',
    value: 'required',
    sinks: ['webhook'],
    built: false,
    about: 'Batching and retries of the webhook client.',
  },
} as const satisfies Record<string, OptionFacts>

export type OptionName = keyof typeof options

export const optionNames = Object.keys(options) as readonly OptionName[]

export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(options, name)
}

export function factsOf(name: OptionName): OptionFacts {
  return options[name]
}
