// The table of all cluster settings. A setting is in it only if something reads it, or if scripts set it. SHOW CLUSTER
// SETTINGS prints the descriptions, and docs/reference/settings.md is generated from them (`npm run reference`).

export type SettingKind = 'bool' | 'duration' | 'string' | 'int' | 'float' | 'size'

export interface SettingFacts {
  readonly kind: SettingKind
  /** The text that SHOW prints. */
  readonly default: string
  readonly description: string
  /** Whether SHOW CLUSTER SETTINGS without ALL lists it. */
  readonly public: boolean
  /** Only admins can read its value. */
  readonly secret?: true
  /** Names of the setting in other versions. */
  readonly aliases?: readonly string[]
}

export const knownSettings = {
  'changefeed.backfill.concurrent_scan_requests': {
    kind: 'int',
    default: '0',
    description:
      'accepted for old scripts, without effect: the number of tables that are scanned at a time is chosen automatically',
    public: true,
  },
  'changefeed.changelog.max_size': {
    kind: 'size',
    default: '20 GiB',
    description: 'the size beyond which the changelog of a database removes its oldest changes; zero is no limit',
    public: true,
  },
  'changefeed.changelog.retention': {
    kind: 'duration',
    default: '25h0m0s',
    description: 'how long the changelog keeps changes, and so how old a cursor may be',
    public: true,
  },
  'changefeed.experimental_poll_interval': {
    kind: 'duration',
    default: '1s',
    description: 'accepted for old scripts, without effect: nothing is polled, schema changes arrive with the rows',
    public: true,
  },
  'changefeed.initial_scan.max_snapshot_age': {
    kind: 'duration',
    default: '10m0s',
    description:
      'how long a job whose initial scan has not begun, or waits for its sink, keeps the snapshot of its statement, which holds back vacuum',
    public: true,
  },
  'changefeed.kafka_v2_error_details.enabled': {
    kind: 'bool',
    default: 'true',
    description:
      'accepted for old scripts, without effect: an error about a message that is too large always has its size and commit time, never its key',
    public: true,
  },
  'changefeed.max_retry_backoff': {
    kind: 'duration',
    default: '30s',
    description: 'the longest pause before a job whose sink or database fails is tried again',
    public: true,
  },
  'changefeed.memory.per_changefeed_limit': {
    kind: 'size',
    default: '512 MiB',
    description: 'accepted for old scripts, without effect: the buffers of a changefeed have fixed limits',
    public: true,
  },
  'changefeed.node_sink_throttle_config': {
    kind: 'string',
    default: '',
    description: 'accepted for old scripts, without effect: a slow sink slows down only its own changefeed',
    public: true,
  },
  'changefeed.sink.allowed_hosts': {
    kind: 'string',
    default: '',
    description:
      'the machines that sinks may connect to, also for tokens (sasl_token_url), and where schema registries may be: a list of host, host:port or *.suffix, separated by commas; empty: all machines',
    public: true,
  },
  'changefeed.sink.metadata_services.enabled': {
    kind: 'bool',
    default: 'false',
    description:
      'whether sinks, schema registries and sasl_token_url may be metadata services of clouds, such as 169.254.169.254, which give away the credentials of the machine',
    public: true,
  },
  'changefeed.slow_span_log_threshold': {
    kind: 'duration',
    default: '0s',
    description: 'accepted for old scripts, without effect: the metrics show how far changefeeds are behind',
    public: true,
  },
  'changefeed.watch.keep_duration': {
    kind: 'duration',
    default: '25h0m0s',
    description:
      'how long tables stay watched after the last changefeed that used them, so that a changefeed can come back with a cursor; zero: forever',
    public: true,
  },
  'cloudstorage.gs.default.key': {
    kind: 'string',
    default: '',
    description:
      'the JSON key with which gs:// sinks write whose URI has no AUTH, or AUTH=default; only admins see its value',
    public: true,
    secret: true,
  },
  'cloudstorage.http.custom_ca': {
    kind: 'string',
    default: '',
    description:
      'a certificate in PEM: its authority, too, is trusted by sinks that write files over https, from the next start of a job on',
    public: true,
  },
  'cloudstorage.timeout': {
    kind: 'duration',
    default: '10m0s',
    description:
      'how long a storage sink may take for a file, or for a part of a large one, before it is sent again; zero is no limit',
    public: true,
  },
  'cluster.organization': {
    kind: 'string',
    default: '',
    description: 'accepted for old scripts, without effect: no organization is needed',
    public: true,
  },
  'enterprise.license': {
    kind: 'string',
    default: '',
    description: 'accepted for old scripts, without effect: no license is needed; only admins see its value',
    public: true,
    secret: true,
  },
  'feature.changefeed.enabled': {
    kind: 'bool',
    default: 'true',
    description: 'set to false to refuse new changefeeds',
    public: true,
  },
  'jobs.retention_time': {
    kind: 'duration',
    default: '336h0m0s',
    description: 'how long the records of jobs that have ended are kept',
    public: true,
  },
  'kv.closed_timestamp.follower_reads_enabled': {
    kind: 'bool',
    default: 'true',
    description: 'accepted for old scripts, without effect: there are no replicas to read from',
    public: true,
    aliases: ['kv.closed_timestamp.follower_reads.enabled'],
  },
  'kv.closed_timestamp.target_duration': {
    kind: 'duration',
    default: '100ms',
    description: 'the least time by which resolved timestamps are behind the present',
    public: true,
  },
  'kv.protectedts.reconciliation.interval': {
    kind: 'duration',
    default: '5m0s',
    description:
      'accepted for old scripts, without effect: the changelog keeps old changes, the database does not have to',
    public: true,
  },
  'kv.rangefeed.enabled': {
    kind: 'bool',
    default: 'false',
    description: 'changefeeds are refused until this is true',
    public: true,
  },
  'obs.metrics_scrape.default_visibility': {
    kind: 'string',
    default: 'all',
    description: 'which metrics /_status/vars shows that is asked without ?visibility: all, support or essential',
    public: true,
  },
  'server.child_metrics.enabled': {
    kind: 'bool',
    default: 'false',
    description: 'whether the metrics of changefeeds are also shown for each scope, which is their metrics_label',
    public: true,
  },
  'server.child_metrics.include_aggregate.enabled': {
    kind: 'bool',
    default: 'true',
    description: 'whether the totals are shown beside the metrics of each scope',
    public: true,
  },
  'sql.defaults.results_buffer.size': {
    kind: 'size',
    default: '16 KiB',
    description: 'accepted for old scripts, without effect: rows of a changefeed are sent when they come',
    public: true,
  },
} as const satisfies Record<string, SettingFacts>

export type SettingName = keyof typeof knownSettings

export const settingNames = Object.keys(knownSettings) as readonly SettingName[]

/** Durations are in milliseconds, sizes in bytes. */
export type SettingValue<Name extends SettingName> = ValueOfKind[(typeof knownSettings)[Name]['kind']]

interface ValueOfKind {
  readonly bool: boolean
  readonly duration: number
  readonly string: string
  readonly int: number
  readonly float: number
  readonly size: number
}

export type AnyValue = boolean | number | string
