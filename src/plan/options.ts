// Every option of CREATE CHANGEFEED, in one table, by which statements are read and checked, and from which
// docs/reference/options.md is generated (`npm run reference`). The table also has the options that are not built yet: they
// must never be reported as unknown, and never be silently ignored.

import { builtFormatNames, defaultFormat, formatNames } from '../encode/format-names.ts'

export interface OptionFacts {
  readonly kind: OptionKind
  /** `optional`: the option may be written without a value. Undefined: it needs one. */
  readonly value?: 'none' | 'optional'
  /** The values of an `enum`, in any case of letters, or the members of a `list`. */
  readonly values?: readonly string[]
  /** The default on the reference page; undefined: the option is off. */
  readonly default?: string
  /** `some`: only the sinks that name the option in their facts (src/sink/sinks.ts) take it. Undefined: every sink does. */
  readonly sinks?: 'some'
  /** `some`: only the formats that name the option in their facts (src/encode/formats.ts) take it. Undefined: every format does. */
  readonly formats?: 'some'
  /** The value is never shown. */
  readonly isSecret?: true
  /** Whether the option is built: false if it is refused until a later version, a list if only these values are built, undefined if all of it is. */
  readonly built?: false | readonly string[]
  /** What the option does, in sentences of the reference page. */
  readonly about: string
}

export type OptionKind = 'flag' | 'duration' | 'timestamp' | 'enum' | 'list' | 'json' | 'string'

const flag = { kind: 'flag', value: 'none' } as const
const laterForSome = { sinks: 'some', built: false } as const

export const options = {
  avro_schema_prefix: {
    kind: 'string',
    sinks: 'some',
    formats: 'some',
    about: 'Namespace of the Avro schemas, and prefix of their names and subjects: names with dots between them.',
  },
  compression: {
    kind: 'enum',
    values: ['gzip', 'zstd'],
    sinks: 'some',
    about: 'Compression of the files or requests.',
  },
  confluent_schema_registry: {
    kind: 'string',
    sinks: 'some',
    formats: 'some',
    about: 'Base URL of the schema registry, which Avro needs: see [its parameters](#the-url-of-a-schema-registry).',
  },
  csv_header: {
    ...flag,
    sinks: 'some',
    formats: 'some',
    about: 'Begins every file and request of `format = csv` with a line of the names of the columns.',
  },
  cursor: {
    kind: 'timestamp',
    about:
      "Emits only changes after this time. Without an `initial_scan` option there is no initial scan then; with `initial_scan = 'yes'` the rows as of this time come first, without columns that were added since. That is refused if the primary key or a column has been changed, renamed or dropped since, or if ALTER TABLE has written all rows anew with other values.",
  },
  diff: {
    ...flag,
    about: 'Adds `before` to the value, in the wrapped envelope: the row before the change, or null if there was none.',
  },
  encode_json_value_null_as_object: {
    ...flag,
    formats: 'some',
    about: 'Prints a JSON `null` inside a JSONB column as `{"__crdb_json_null__": true}`, to tell it from SQL NULL.',
  },
  end_time: {
    kind: 'timestamp',
    about: 'Emits every change up to and including this time, then ends with success. The time may lie in the future.',
  },
  enriched_properties: {
    kind: 'list',
    values: ['source', 'schema'],
    built: false,
    about: 'Adds the `source` and `schema` parts to the enriched envelope.',
  },
  envelope: {
    kind: 'enum',
    values: ['row', 'key_only', 'wrapped', 'deprecated_row', 'bare', 'enriched'],
    default: 'wrapped',
    built: ['row', 'key_only', 'wrapped', 'deprecated_row'],
    about:
      'The shape of a value: `wrapped` has the row as `after`, `row` is the row alone, `key_only` has no value. `deprecated_row` means `row`.',
  },
  execution_locality: {
    kind: 'string',
    built: false,
    about: 'Runs the changefeed only on servers with this locality.',
  },
  extra_headers: {
    kind: 'json',
    sinks: 'some',
    isSecret: true,
    about: 'Headers of every message, as a JSON object: `\'{"X-Name": "value"}\'`.',
  },
  format: {
    kind: 'enum',
    values: formatNames,
    default: defaultFormat,
    built: builtFormatNames,
    about:
      'The format of keys and values: JSON, [Avro](../guide/avro.md) (`experimental_avro` means the same), [CSV](../guide/csv.md), which has no keys, or [Parquet](../guide/storage.md#parquet), for files.',
  },
  full_table_name: {
    ...flag,
    about: 'Names tables as `database.schema.table` in messages, and in topics that are named after their table.',
  },
  gc_protect_expires_after: {
    kind: 'duration',
    built: false,
    about: 'How long a paused changefeed may keep old changes from being removed.',
  },
  headers_json_column_name: {
    kind: 'string',
    ...laterForSome,
    formats: 'some',
    about: 'A JSONB column whose members become headers of the message, and are left out of the value.',
  },
  ignore_disable_changefeed_replication: {
    kind: 'flag',
    value: 'optional',
    values: ['true', 'false'],
    about:
      'Emits also what sessions with `disable_changefeed_replication` wrote. It has no effect: nothing is left out.',
  },
  initial_scan: {
    kind: 'enum',
    value: 'optional',
    values: ['yes', 'no', 'only'],
    default: '`yes`, or `no` with `cursor`',
    about:
      'Whether the existing rows are emitted first: `yes` (also without a value), `no`, or `only`, which ends the changefeed after them.',
  },
  initial_scan_only: { ...flag, about: "The same as `initial_scan = 'only'`." },
  kafka_sink_config: {
    kind: 'json',
    sinks: 'some',
    about:
      'Batching, acknowledgement, compression and client id of the Kafka producer: see [its fields](sink-parameters.md#kafka_sink_config).',
  },
  key_column: {
    kind: 'string',
    built: false,
    about: 'Chooses the partition by this column in place of the primary key; needs `unordered`.',
  },
  key_in_value: { ...flag, about: 'Adds `key` to the value: the primary key, as an array.' },
  lagging_ranges_polling_interval: {
    kind: 'duration',
    default: '1m',
    built: false,
    about: 'How often lagging ranges are counted.',
  },
  lagging_ranges_threshold: {
    kind: 'duration',
    default: '3m',
    built: false,
    about: 'The lag from which on a range counts as lagging.',
  },
  metrics_label: {
    kind: 'string',
    about:
      'The `scope` label of the metrics of this changefeed, which is shown if `server.child_metrics.enabled` is true. It is shorter than 128 bytes, not `default`, and converted to lower case. At most 1024 labels can be in use at a time.',
  },
  min_checkpoint_frequency: {
    kind: 'duration',
    default: '`30s` for jobs, `0` on a connection',
    about:
      'The shortest time between two checkpoints, and so between two resolved messages. `0` means as often as possible.',
  },
  mvcc_timestamp: {
    ...flag,
    about:
      'Adds `mvcc_timestamp` to the value: the commit time of this version of the row, also for rows of the initial scan. Where PostgreSQL does not know it any more, or track_commit_timestamp is off, it is the time of the scan.',
  },
  no_initial_scan: { ...flag, about: "The same as `initial_scan = 'no'`." },
  on_error: {
    kind: 'enum',
    values: ['pause', 'fail'],
    default: 'fail',
    about:
      'Whether a job fails or pauses at an error that is not retried. A changefeed on a connection always ends with the error.',
  },
  protect_data_from_gc_on_pause: {
    ...flag,
    about:
      'Accepted for old scripts, without effect: a paused job always keeps the changes that it needs, up to `changefeed.changelog.max_size`.',
  },
  pubsub_sink_config: {
    kind: 'json',
    sinks: 'some',
    about: 'Batching and retries of the Pub/Sub sink: see [its fields](sink-parameters.md#pubsub_sink_config).',
  },
  resolved: {
    kind: 'duration',
    value: 'optional',
    about:
      'Emits resolved timestamps: at each advance or, with a duration, once the resolved timestamp has advanced by at least that much.',
  },
  schema_change_events: {
    kind: 'enum',
    values: ['column_changes', 'default'],
    default: 'default',
    about:
      'Which DDL is a schema change: `default` is what gives existing rows other columns or values (a column with a default, a dropped column, another type); `column_changes` is also every other new column.',
  },
  schema_change_policy: {
    kind: 'enum',
    values: ['backfill', 'nobackfill', 'stop', 'ignore'],
    default: 'backfill',
    about:
      'What a schema change does: `backfill` emits all rows of the table in the new schema, `stop` ends the changefeed just before the change, with the cursor from which to continue. With `nobackfill` and `ignore`, rows follow the new schema from the change on. See [schema changes](../guide/schema-changes.md).',
  },
  split_column_families: {
    ...flag,
    built: false,
    about: 'Emits one message for each column family. Tables of PostgreSQL have no column families.',
  },
  topic_in_value: {
    kind: 'flag',
    value: 'optional',
    values: ['true', 'false'],
    about: 'Adds `topic` to the value: the topic as the sink names it, or the table if there is no sink.',
  },
  unordered: {
    ...flag,
    about:
      'Gives up the order of the versions of a row where a sink gains from it, which is Pub/Sub: it needs no region then. Other sinks keep the order.',
  },
  updated: {
    ...flag,
    about:
      'Adds `updated` to the value: the commit timestamp of the change or, for rows of the initial scan, the time of the scan.',
  },
  virtual_columns: {
    kind: 'enum',
    values: ['omitted', 'null'],
    default: 'omitted',
    built: ['omitted'],
    about: 'Whether virtual generated columns are left out, or printed as null.',
  },
  webhook_auth_header: {
    kind: 'string',
    sinks: 'some',
    isSecret: true,
    about: "The `Authorization` header of a webhook's requests, such as `'Basic dXNlcjpwd2Q='`.",
  },
  webhook_client_timeout: {
    kind: 'duration',
    default: '3s',
    sinks: 'some',
    about:
      'How long a request to a [webhook](../guide/webhooks.md) may take, from its first byte to the end of the answer.',
  },
  webhook_sink_config: {
    kind: 'json',
    sinks: 'some',
    about: 'Batching and retries of a webhook: see [its fields](sink-parameters.md#webhook_sink_config).',
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
