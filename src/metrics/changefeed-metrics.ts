// The table of the metrics of changefeeds, in total and for each scope.

import type { ScopeCounts } from '../core/metric-scopes.ts'
import type { MetricTable } from './metrics.ts'

export interface MeasuredChangefeeds extends ScopeCounts {
  running: number
  /** Changefeeds that scan tables. */
  scanning: number
  pendingRanges: number
  /** The frontier of the slowest changefeed in nanoseconds since 1970; undefined if no changefeed has a frontier. */
  frontier: bigint | undefined
  /** The oldest high-water mark that a job has saved, in the same unit. */
  checkpoint: bigint | undefined
  /** The time of the measurement, in nanoseconds since 1970. */
  readonly now: bigint
}

export const changefeedMetrics: MetricTable<MeasuredChangefeeds> = {
  changefeed_running: {
    kind: 'gauge',
    help: 'Changefeeds that run now, including jobs that wait for their next attempt.',
    read: ({ running }) => running,
  },
  changefeed_backfill_count: {
    kind: 'gauge',
    help: 'Changefeeds that read all rows of tables now, for an initial scan or after a schema change.',
    read: ({ scanning }) => scanning,
  },
  changefeed_backfill_pending_ranges: {
    kind: 'gauge',
    help: 'Ranges of pages (8 MiB) that these changefeeds have not emitted yet.',
    read: ({ pendingRanges }) => pendingRanges,
  },
  changefeed_emitted_messages: {
    kind: 'counter',
    help: 'Messages passed to sinks since the server started; message_type is row or resolved.',
    labels: ['message_type'],
    read: ({ messages, resolvedMessages }) => [
      { labels: { message_type: 'row' }, value: messages },
      { labels: { message_type: 'resolved' }, value: resolvedMessages },
    ],
  },
  changefeed_emitted_bytes: {
    kind: 'counter',
    help: 'Bytes of keys and values passed to sinks since the server started.',
    read: ({ bytes }) => bytes,
  },
  changefeed_flushes: {
    kind: 'counter',
    help: 'Times that a sink was flushed for a checkpoint since the server started.',
    read: ({ flushes }) => flushes,
  },
  changefeed_schema_registry_registrations: {
    kind: 'counter',
    help: 'Schemas that a schema registry has given an id since the server started.',
    read: ({ registrations }) => registrations,
  },
  changefeed_schema_registry_retry_count: {
    kind: 'counter',
    help: 'Times that a schema registry was asked again since the server started, because it had not answered.',
    read: ({ registryRetries }) => registryRetries,
  },
  changefeed_error_retries: {
    kind: 'counter',
    help: 'Times that a job was tried again after an error, since the server started.',
    read: ({ retries }) => retries,
  },
  changefeed_failures: {
    kind: 'counter',
    help: 'Jobs that failed since the server started; jobs that an error paused are not counted.',
    read: ({ failures }) => failures,
  },
  changefeed_checkpoint_progress: {
    kind: 'gauge',
    help: 'The oldest high-water mark of the running jobs, in nanoseconds since 1970; 0 if no job has one yet.',
    read: ({ checkpoint }) => Number(checkpoint ?? 0n),
  },
  changefeed_max_behind_nanos: {
    kind: 'gauge',
    help: 'Nanoseconds from the time that the slowest changefeed has reached until now; 0 if none has reached any.',
    read: ({ frontier, now }) => (frontier === undefined ? 0 : Number(now - frontier)),
  },
}
