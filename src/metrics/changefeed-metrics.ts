// The table of the metrics of changefeeds, in total and for each scope.

import type { FeedCounter, FeedGauge, FeedHistogram, FeedMeter } from '../core/feed-meter.ts'
import type { Metric, MetricTable } from './metrics.ts'

export interface MeasuredChangefeeds {
  readonly meter: FeedMeter
  running: number
  /** Changefeeds that scan tables. */
  scanning: number
  pendingRanges: number
  /** Tables of changefeeds that run, and those of them that are behind. */
  tables: number
  laggingTables: number
  /** The frontier of the slowest changefeed in nanoseconds since 1970; undefined if no changefeed has a frontier. */
  frontier: bigint | undefined
  /** The oldest high-water mark that a job has saved, in the same unit. */
  checkpoint: bigint | undefined
  /** The time of the measurement, in nanoseconds since 1970. */
  readonly now: bigint
}

type OfChangefeeds = Metric<MeasuredChangefeeds>
type Told = Pick<OfChangefeeds, 'unit' | 'help' | 'shown'>

const counter = (name: FeedCounter, told: Told): OfChangefeeds => ({
  kind: 'counter',
  ...told,
  read: ({ meter }) => meter.value(name),
})
const gauge = (name: FeedCounter | FeedGauge, told: Told): OfChangefeeds => ({
  kind: 'gauge',
  ...told,
  read: ({ meter }) => meter.value(name),
})
const histogram = (name: FeedHistogram, told: Told): OfChangefeeds => ({
  kind: 'histogram',
  ...told,
  read: ({ meter }) => meter.histogram(name),
})
const nanos = (help: string, shown?: 'support' | 'essential'): Told => ({
  unit: 'nanoseconds',
  help,
  ...(shown === undefined ? {} : { shown }),
})

export const changefeedMetrics: MetricTable<MeasuredChangefeeds> = {
  'changefeed.running': {
    kind: 'gauge',
    unit: 'count',
    shown: 'essential',
    help: 'Changefeeds that run now, including jobs that wait for their next attempt, and changefeeds on connections.',
    read: ({ running }) => running,
  },
  'changefeed.backfill_count': {
    kind: 'gauge',
    unit: 'count',
    shown: 'support',
    help: 'Changefeeds that read all rows of tables now, for an initial scan or after a schema change.',
    read: ({ scanning }) => scanning,
  },
  'changefeed.backfill_pending_ranges': {
    kind: 'gauge',
    unit: 'count',
    shown: 'support',
    help: 'Ranges of pages (8 MiB) that these changefeeds have not emitted yet.',
    read: ({ pendingRanges }) => pendingRanges,
  },
  'changefeed.total_ranges': {
    kind: 'gauge',
    unit: 'count',
    help: 'Tables of changefeeds that run now; a table stands for a range.',
    read: ({ tables }) => tables,
  },
  'changefeed.lagging_ranges': {
    kind: 'gauge',
    unit: 'count',
    shown: 'support',
    help: 'Tables of changefeeds that are more than three minutes behind.',
    read: ({ laggingTables }) => laggingTables,
  },
  'changefeed.emitted_messages': {
    kind: 'counter',
    unit: 'count',
    shown: 'essential',
    labels: ['message_type'],
    help: 'Messages that sinks have confirmed since the server started, or clients have taken; message_type is row or resolved.',
    read: ({ meter }) => [
      { labels: { message_type: 'row' }, value: meter.value('messages') },
      { labels: { message_type: 'resolved' }, value: meter.value('resolvedMessages') },
    ],
  },
  'changefeed.emitted_bytes': counter('bytes', {
    unit: 'bytes',
    shown: 'essential',
    help: 'Bytes of the keys and values of messages that sinks have confirmed since the server started, or clients have taken.',
  }),
  'changefeed.flushed_bytes': counter('flushedBytes', {
    unit: 'bytes',
    shown: 'support',
    help: 'Bytes of messages that sinks have confirmed, as they were sent: with what the far end needs around them, and compressed.',
  }),
  'changefeed.flushes': counter('flushes', {
    unit: 'count',
    shown: 'essential',
    help: 'Times that a sink was flushed since the server started: for a checkpoint, and at the end.',
  }),
  'changefeed.size_based_flushes': counter('sizeBasedFlushes', {
    unit: 'count',
    help: 'Batches and files that were complete because of their size.',
  }),
  'changefeed.emitted_batch_sizes': histogram('batchMessages', {
    unit: 'count',
    shown: 'support',
    help: 'Messages of each batch that a sink has confirmed; a resolved message counts as 1.',
  }),
  'changefeed.message_size_hist': histogram('messageBytes', {
    unit: 'bytes',
    shown: 'support',
    help: 'Bytes of the key and value of each message, when it was given to the sink.',
  }),
  'changefeed.commit_latency': histogram(
    'commitLatency',
    nanos(
      'From the commit of the oldest row of a batch until the sink has confirmed the batch, without rows of scans.',
      'essential',
    ),
  ),
  'changefeed.admit_latency': histogram(
    'admitLatency',
    nanos(
      'From the commit of the oldest row of a batch until the changefeed has it from the changelog, without rows of scans.',
      'support',
    ),
  ),
  'changefeed.stage.encode.latency': histogram(
    'encode',
    nanos('From the first row of a batch until it is full or sent on.'),
  ),
  'changefeed.stage.emit_row.latency': histogram(
    'emit',
    nanos('Giving a batch to the sink, which takes long while the sink is behind.'),
  ),
  'changefeed.sink_backpressure_nanos': histogram(
    'backpressure',
    nanos('Times that a changefeed waited because its sink held as much as it may.', 'support'),
  ),
  'changefeed.parallel_io_queue_nanos': histogram(
    'queue',
    nanos('From the first message of a batch for Kafka, a webhook or Pub/Sub until the batch is sent.', 'support'),
  ),
  'changefeed.stage.downstream_client_send.latency': histogram(
    'send',
    nanos('A request to the far end of a sink, until its answer.', 'support'),
  ),
  'changefeed.sink_batch_hist_nanos': histogram(
    'batch',
    nanos('From the first message of a batch of a sink until the batch is confirmed.', 'support'),
  ),
  'changefeed.flush_hist_nanos': histogram('flush', nanos('Flushing a sink.', 'support')),
  'changefeed.checkpoint_hist_nanos': histogram('checkpoint', nanos('Flushing a sink, and saving how far a job is.')),
  'changefeed.stage.checkpoint_job_progress.latency': histogram('save', nanos('Saving how far a job is.', 'support')),
  'changefeed.kafka_throttling_hist_nanos': histogram(
    'throttle',
    nanos(
      'Pauses for which a far end has asked: the quota of a Kafka, Retry-After of a webhook or of object storage, the quota of Pub/Sub.',
    ),
  ),
  'changefeed.internal_retry_message_count': gauge('retryingMessages', {
    unit: 'count',
    shown: 'support',
    help: 'Messages that wait to be sent again to Kafka, a webhook or Pub/Sub.',
  }),
  'changefeed.sink_io_inflight': gauge('inFlightMessages', {
    unit: 'count',
    shown: 'support',
    help: 'Messages that are on their way to Kafka, a webhook or Pub/Sub, or wait to be sent again.',
  }),
  'changefeed.parallel_io_pending_rows': gauge('pendingMessages', {
    unit: 'count',
    help: 'Messages that the sinks Kafka, webhook and Pub/Sub hold: on their way, or waiting for their turn.',
  }),
  'changefeed.cloudstorage_buffered_bytes': gauge('bufferedBytes', {
    unit: 'bytes',
    help: 'Bytes of files that are not written yet.',
  }),
  'changefeed.batch_reduction_count': gauge('batchReductions', {
    unit: 'count',
    help: 'Batches that were halved because the far end refused their size, since the server started.',
  }),
  'changefeed.sink_errors': counter('sinkErrors', {
    unit: 'count',
    shown: 'support',
    help: 'Requests to sinks that failed.',
  }),
  'changefeed.frontier_updates': counter('frontierUpdates', {
    unit: 'count',
    help: 'Times that a changefeed got further.',
  }),
  'changefeed.schema_registry.registrations': counter('registrations', {
    unit: 'count',
    help: 'Schemas that a schema registry has given an id since the server started.',
  }),
  'changefeed.schema_registry.retry_count': counter('registryRetries', {
    unit: 'count',
    help: 'Times that a schema registry was asked again since the server started, because it had not answered.',
  }),
  'changefeed.error_retries': counter('retries', {
    unit: 'count',
    shown: 'essential',
    help: 'Times that a job was tried again after an error, since the server started.',
  }),
  'changefeed.failures': counter('failures', {
    unit: 'count',
    shown: 'essential',
    help: 'Jobs that failed since the server started; jobs that an error paused are not counted.',
  }),
  'changefeed.checkpoint_progress': {
    kind: 'gauge',
    unit: 'timestamp',
    shown: 'essential',
    help: 'The oldest high-water mark of the running jobs, in nanoseconds since 1970; 0 if no job has one yet.',
    read: ({ checkpoint }) => Number(checkpoint ?? 0n),
  },
  'changefeed.aggregator_progress': {
    kind: 'gauge',
    unit: 'timestamp',
    help: 'The time up to which the slowest changefeed has given everything to its sink, in nanoseconds since 1970; 0 if none has.',
    read: ({ frontier }) => Number(frontier ?? 0n),
  },
  'changefeed.max_behind_nanos': {
    kind: 'gauge',
    unit: 'nanoseconds',
    shown: 'essential',
    help: 'Nanoseconds from the time that the slowest changefeed has reached until now; 0 if none has reached any.',
    read: ({ frontier, now }) => (frontier === undefined || frontier > now ? 0 : Number(now - frontier)),
  },
}
