// Every cluster setting there is. A setting stands here only if something reads it, or if a walkthrough sets it.

export type SettingKind = 'bool' | 'duration' | 'string' | 'int' | 'float' | 'size'

export interface SettingFacts {
  readonly kind: SettingKind
  /** As SHOW prints it. */
  readonly default: string
  readonly description: string
  /** Shown without ALL. */
  readonly public: boolean
  /** Other spellings, of other versions. */
  readonly aliases?: readonly string[]
}

export const knownSettings = {
  'changefeed.backfill.concurrent_scan_requests': {
    kind: 'int',
    default: '0',
    description: 'accepted for the sake of scripts; how many tables are scanned at a time is chosen by itself',
    public: true,
  },
  'changefeed.changelog.max_size': {
    kind: 'size',
    default: '20 GiB',
    description: 'the changelog drops its oldest segments beyond this size; zero is no limit',
    public: true,
  },
  'changefeed.changelog.retention': {
    kind: 'duration',
    default: '25h0m0s',
    description: 'how long the changelog keeps changes, and thus how far back a cursor may reach',
    public: true,
  },
  'changefeed.experimental_poll_interval': {
    kind: 'duration',
    default: '1s',
    description: 'accepted for the sake of scripts; nothing is polled, schema changes come with the rows',
    public: true,
  },
  'changefeed.initial_scan.max_snapshot_age': {
    kind: 'duration',
    default: '10m0s',
    description:
      'how long a changefeed that has not completed its initial scan keeps the snapshot of its statement, which holds back vacuum',
    public: true,
  },
  'changefeed.kafka_v2_error_details.enabled': {
    kind: 'bool',
    default: 'true',
    description:
      'accepted for the sake of scripts; size and commit time of a message that is too large are always named, its key never',
    public: true,
  },
  'changefeed.max_retry_backoff': {
    kind: 'duration',
    default: '30s',
    description: 'the longest wait between two attempts of a changefeed whose sink or source fails',
    public: true,
  },
  'changefeed.memory.per_changefeed_limit': {
    kind: 'size',
    default: '512 MiB',
    description: 'accepted for the sake of scripts; the buffers of a changefeed are bounded by themselves',
    public: true,
  },
  'changefeed.node_sink_throttle_config': {
    kind: 'string',
    default: '',
    description: 'accepted for the sake of scripts; a slow sink holds back its own changefeed only',
    public: true,
  },
  'changefeed.sink.allowed_hosts': {
    kind: 'string',
    default: '',
    description:
      'the machines that sinks may reach, also for tokens (sasl_token_url), with commas between them: host, host:port or *.suffix; empty: all of them',
    public: true,
  },
  'changefeed.slow_span_log_threshold': {
    kind: 'duration',
    default: '0s',
    description: 'accepted for the sake of scripts; how far changefeeds are behind is in the metrics',
    public: true,
  },
  'changefeed.watch.keep_duration': {
    kind: 'duration',
    default: '25h0m0s',
    description:
      'how long tables stay watched after the last changefeed that used them, and thus how long one may come back with a cursor; zero is for good',
    public: true,
  },
  'cloudstorage.gs.default.key': {
    kind: 'string',
    default: '',
    description: 'accepted for the sake of scripts; there is no cloud storage sink yet',
    public: true,
  },
  'cloudstorage.http.custom_ca': {
    kind: 'string',
    default: '',
    description: 'accepted for the sake of scripts; there is no cloud storage sink yet',
    public: true,
  },
  'cloudstorage.timeout': {
    kind: 'duration',
    default: '10m0s',
    description: 'accepted for the sake of scripts; there is no cloud storage sink yet',
    public: true,
  },
  'cluster.organization': {
    kind: 'string',
    default: '',
    description: 'organization name; accepted, and needed for nothing',
    public: true,
  },
  'enterprise.license': {
    kind: 'string',
    default: '',
    description: 'license; accepted, and needed for nothing',
    public: true,
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
    description: 'how long records of finished jobs are kept',
    public: true,
  },
  'kv.closed_timestamp.follower_reads_enabled': {
    kind: 'bool',
    default: 'true',
    description: 'accepted for the sake of scripts; there are no replicas to read from',
    public: true,
    aliases: ['kv.closed_timestamp.follower_reads.enabled'],
  },
  'kv.closed_timestamp.target_duration': {
    kind: 'duration',
    default: '100ms',
    description: 'how far resolved timestamps trail the present at least',
    public: true,
  },
  'kv.protectedts.reconciliation.interval': {
    kind: 'duration',
    default: '5m0s',
    description: 'accepted for the sake of scripts; the changelog keeps history, not the database',
    public: true,
  },
  'kv.rangefeed.enabled': {
    kind: 'bool',
    default: 'false',
    description: 'changefeeds are refused unless it is true',
    public: true,
  },
  'server.child_metrics.enabled': {
    kind: 'bool',
    default: 'false',
    description: 'whether metrics of changefeeds are shown by scope, too, as their metrics_label says',
    public: true,
  },
  'server.child_metrics.include_aggregate.enabled': {
    kind: 'bool',
    default: 'true',
    description: 'whether the totals are shown beside the metrics by scope',
    public: true,
  },
  'sql.defaults.results_buffer.size': {
    kind: 'size',
    default: '16 KiB',
    description: 'accepted for the sake of scripts; rows of a changefeed are sent as they come',
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
