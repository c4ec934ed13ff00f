// Every option of CREATE CHANGEFEED, in one table. Reading the statement and checking it against the sink go by it, and
// docs/reference/options.md is generated from it (`npm run reference`). An option that is known and not built yet is here
// too: it must never look unknown, and never be silently ignored.

import { builtFormatNames, defaultFormat, formatNames } from '../encode/format-names.ts'

export interface OptionFacts {
  readonly kind: OptionKind
  /** `optional`: may be written bare. Flags take none. */
  readonly value: 'none' | 'optional' | 'required'
  /** What the value may be, for `enum` and `list`; case of an enum value does not matter. */
  readonly values?: readonly string[]
  /** For the reference page; undefined: off, or nothing. */
  readonly default?: string
  /** The sinks that take it; `some`: those that name it in their facts (src/sink/sinks.ts). */
  readonly sinks: 'all' | 'some'
  /** `some`: the formats that name it in their facts (src/encode/formats.ts). Undefined: every format takes it. */
  readonly formats?: 'some'
  /** Its value is shown to nobody. */
  readonly isSecret?: true
  /** False: a later version. A list: only these values so far. */
  readonly built: boolean | readonly string[]
  /** What it does, in sentences of the reference page. */
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
    sinks: 'some',
    built: false,
    about: 'Namespace of the Avro schemas, and prefix of their names and subjects.',
  },
  compression: {
    kind: 'enum',
    value: 'required',
    values: ['gzip', 'zstd'],
    sinks: 'some',
    built: false,
    about: 'Compression of the files or requests.',
  },
  confluent_schema_registry: {
    kind: 'string',
    value: 'required',
    sinks: 'some',
    built: false,
    about: 'Base URL of the schema registry, which Avro needs.',
  },
  cursor: {
    kind: 'timestamp',
    value: 'required',
    ...everywhere,
    about:
      "Emits only changes after this time. Without an `initial_scan` option there is no initial scan then; with `initial_scan = 'yes'` the rows as of this time come first, without columns that were added since. That is refused if the primary key or a column has been changed, renamed or dropped since, or if ALTER TABLE has written all rows anew with other values.",
  },
  diff: {
    ...flag,
    ...everywhere,
    about: 'Adds `before` to the value, in the wrapped envelope: the row before the change, or null if there was none.',
  },
  encode_json_value_null_as_object: {
    ...flag,
    ...everywhere,
    formats: 'some',
    about: 'Prints a JSON `null` inside a JSONB column as `{"__crdb_json_null__": true}`, to tell it from SQL NULL.',
  },
  end_time: {
    kind: 'timestamp',
    value: 'required',
    ...everywhere,
    about: 'Emits every change up to and including this time, then ends with success. The time may lie in the future.',
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
    about:
      'The shape of a value: `wrapped` has the row as `after`, `row` is the row alone, `key_only` has no value. `deprecated_row` means `row`.',
  },
  execution_locality: {
    kind: 'string',
    value: 'required',
    ...later,
    about: 'Runs the changefeed only on servers with this locality.',
  },
  extra_headers: {
    kind: 'json',
    value: 'required',
    sinks: 'some',
    built: true,
    isSecret: true,
    about: 'Headers of every message, as a JSON object: `\'{"X-Name": "value"}\'`.',
  },
  format: {
    kind: 'enum',
    value: 'required',
    values: formatNames,
    default: defaultFormat,
    sinks: 'all',
    built: builtFormatNames,
    about: 'The format of keys and values.',
  },
  full_table_name: {
    ...flag,
    ...everywhere,
    about: 'Names tables as `database.schema.table` in messages, and in topics that are named after their table.',
  },
  gc_protect_expires_after: {
    kind: 'duration',
    value: 'required',
    ...later,
    about: 'How long a paused changefeed may keep old changes from being removed.',
  },
  headers_json_column_name: {
    kind: 'string',
    value: 'required',
    sinks: 'some',
    formats: 'some',
    built: false,
    about: 'A JSONB column whose members become headers of the message, and are left out of the value.',
  },
  ignore_disable_changefeed_replication: {
    kind: 'flag',
    value: 'optional',
    values: ['true', 'false'],
    ...everywhere,
    about:
      'Emits also what sessions with `disable_changefeed_replication` wrote. It has no effect: nothing is left out.',
  },
  initial_scan: {
    kind: 'enum',
    value: 'optional',
    values: ['yes', 'no', 'only'],
    default: '`yes`, or `no` with `cursor`',
    ...everywhere,
    about:
      'Whether the existing rows are emitted first: `yes` (also without a value), `no`, or `only`, which ends the changefeed after them.',
  },
  initial_scan_only: {
    ...flag,
    ...everywhere,
    about: "The same as `initial_scan = 'only'`.",
  },
  kafka_sink_config: {
    kind: 'json',
    value: 'required',
    sinks: 'some',
    built: true,
    about:
      'Batching, acknowledgement, compression and client id of the Kafka producer: see [its fields](sink-parameters.md#kafka_sink_config).',
  },
  key_column: {
    kind: 'string',
    value: 'required',
    ...later,
    about: 'Chooses the partition by this column in place of the primary key; needs `unordered`.',
  },
  key_in_value: {
    ...flag,
    ...everywhere,
    about: 'Adds `key` to the value: the primary key, as an array.',
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
    about: 'The lag from which on a range counts as lagging.',
  },
  metrics_label: {
    kind: 'string',
    value: 'required',
    ...everywhere,
    about:
      'The `scope` label of the metrics of this changefeed, which is shown if `server.child_metrics.enabled` is true. It is shorter than 128 bytes, not `default`, and converted to lower case. At most 1024 labels can be in use at a time.',
  },
  min_checkpoint_frequency: {
    kind: 'duration',
    value: 'required',
    default: '`30s` for jobs, `0` on a connection',
    ...everywhere,
    about:
      'The shortest time between two checkpoints, and so between two resolved messages. `0` means as often as possible.',
  },
  mvcc_timestamp: {
    ...flag,
    ...everywhere,
    about:
      'Adds `mvcc_timestamp` to the value: the commit time of this version of the row, also for rows of the initial scan.',
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
    about:
      'Whether a job fails or pauses at an error that is not retried. A changefeed on a connection always ends with the error.',
  },
  protect_data_from_gc_on_pause: {
    ...flag,
    ...everywhere,
    about:
      'Accepted for old scripts, without effect: a paused job always keeps the changes that it needs, up to `changefeed.changelog.max_size`.',
  },
  pubsub_sink_config: {
    kind: 'json',
    value: 'required',
    sinks: 'some',
    built: false,
    about: 'Batching and retries of the Pub/Sub client.',
  },
  resolved: {
    kind: 'duration',
    value: 'optional',
    ...everywhere,
    about:
      'Emits resolved timestamps: at each advance or, with a duration, once the resolved timestamp has advanced by at least that much.',
  },
  schema_change_events: {
    kind: 'enum',
    value: 'required',
    values: ['column_changes', 'default'],
    default: 'default',
    ...everywhere,
    about: 'Which DDL counts as a schema change. It has no effect yet.',
  },
  schema_change_policy: {
    kind: 'enum',
    value: 'required',
    values: ['backfill', 'nobackfill', 'stop', 'ignore'],
    default: 'backfill',
    ...everywhere,
    about:
      'What a schema change does to the changefeed. It has no effect yet: rows follow the new schema, whatever the policy.',
  },
  split_column_families: {
    ...flag,
    ...later,
    about: 'Emits one message for each column family. Tables of PostgreSQL have no column families.',
  },
  topic_in_value: {
    kind: 'flag',
    value: 'optional',
    values: ['true', 'false'],
    ...everywhere,
    about: 'Adds `topic` to the value: the topic as the sink names it, or the table if there is no sink.',
  },
  unordered: {
    ...flag,
    ...later,
    about: 'Gives up the order of the versions of a row where a sink gains from it.',
  },
  updated: {
    ...flag,
    ...everywhere,
    about:
      'Adds `updated` to the value: the commit timestamp of the change or, for rows of the initial scan, the time of the scan.',
  },
  virtual_columns: {
    kind: 'enum',
    value: 'required',
    values: ['omitted', 'null'],
    default: 'omitted',
    sinks: 'all',
    built: ['omitted'],
    about: 'Whether virtual generated columns are left out, or printed as null.',
  },
  webhook_auth_header: {
    kind: 'string',
    value: 'required',
    sinks: 'some',
    built: false,
    isSecret: true,
    about: 'The `Authorization` header of the requests.',
  },
  webhook_client_timeout: {
    kind: 'duration',
    value: 'required',
    default: '3s',
    sinks: 'some',
    built: false,
    about: 'How long a request may take.',
  },
  webhook_sink_config: {
    kind: 'json',
    value: 'required',
    sinks: 'some',
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
