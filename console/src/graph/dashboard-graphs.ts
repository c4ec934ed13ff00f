// The graphs of the Changefeeds dashboard, from top to bottom. Those of CockroachDB have its titles, and its former ones beside them.

import type { Unit } from './units.ts'
import type { Line } from './line.ts'

export interface GraphFacts {
  readonly title: string
  /** What the graph was called before. */
  readonly formerly?: string
  readonly about: string
  readonly unit: Unit
  readonly lines: readonly Line[]
}

const growing = { rate: 'non_negative' } as const
const highest = { downsample: 'max', aggregate: 'max' } as const
const ofEachDatabase = { downsample: 'max', aggregate: null, of: 'database' } as const

export const dashboardGraphs: readonly GraphFacts[] = [
  {
    title: 'Changefeed Status',
    about: 'Changefeeds that run and that are paused, and how many jobs have failed since the server started.',
    unit: 'count',
    lines: [
      { label: 'Running', metric: 'changefeed.running', downsample: 'max' },
      { label: 'Paused', metric: 'jobs.changefeed.currently_paused', downsample: 'max' },
      { label: 'Failed', metric: 'changefeed.failures', downsample: 'max' },
    ],
  },
  {
    title: 'Commit Latency',
    about: 'From the commit of a change until its sink has confirmed it.',
    unit: 'duration',
    lines: [
      { label: '99th percentile', metric: 'changefeed.commit_latency-p99', ...highest },
      { label: '90th percentile', metric: 'changefeed.commit_latency-p90', ...highest },
      { label: '50th percentile', metric: 'changefeed.commit_latency-p50', ...highest },
    ],
  },
  {
    title: 'Emitted Bytes',
    formerly: 'Sink Byte Traffic',
    about: 'Bytes of keys and values that sinks have confirmed.',
    unit: 'bytes-per-second',
    lines: [{ label: 'Emitted Bytes', metric: 'changefeed.emitted_bytes', ...growing }],
  },
  {
    title: 'Sink Counts',
    about: 'Messages that sinks have confirmed, and how often sinks were flushed.',
    unit: 'per-second',
    lines: [
      { label: 'Messages', metric: 'changefeed.emitted_messages', ...growing },
      { label: 'Flushes', metric: 'changefeed.flushes', ...growing },
    ],
  },
  {
    title: 'Max Checkpoint Latency',
    formerly: 'Max Changefeed Latency',
    about: 'How far the slowest changefeed is behind.',
    unit: 'duration',
    lines: [{ label: 'Max Checkpoint Latency', metric: 'changefeed.max_behind_nanos', ...highest }],
  },
  {
    title: 'Sink Timings',
    about: 'Time spent with giving messages to sinks and with waiting for their flushes, in each second.',
    unit: 'duration',
    lines: [
      { label: 'Message Emit Time', metric: 'changefeed.stage.emit_row.latency-sum', ...growing },
      { label: 'Flush Time', metric: 'changefeed.flush_hist_nanos-sum', ...growing },
    ],
  },
  {
    title: 'Changefeed Restarts',
    about: 'How often jobs were tried again after an error.',
    unit: 'per-minute',
    lines: [{ label: 'Retryable errors', metric: 'changefeed.error_retries', scale: 60, ...growing }],
  },
  {
    title: 'Oldest Protected Timestamp',
    about: 'How old the oldest change is that the changelog keeps for a changefeed.',
    unit: 'duration',
    lines: [{ label: 'Protected timestamp age', metric: 'jobs.changefeed.protected_age_sec', scale: 1e9, ...highest }],
  },
  {
    title: 'Backfill Pending Ranges',
    about: 'Pieces of tables of 8 MiB that initial scans and backfills have still to read.',
    unit: 'count',
    lines: [{ label: 'Backfill pending ranges', metric: 'changefeed.backfill_pending_ranges', downsample: 'max' }],
  },
  {
    title: 'Schema Registry Registrations',
    about: 'Schemas that schema registries have given an id.',
    unit: 'per-minute',
    lines: [{ label: 'Registrations', metric: 'changefeed.schema_registry.registrations', scale: 60, ...growing }],
  },
  {
    title: 'Ranges in catchup mode',
    about: 'Tables of changefeeds that are more than three minutes behind.',
    unit: 'count',
    lines: [{ label: 'Ranges', metric: 'changefeed.lagging_ranges', downsample: 'max' }],
  },
  {
    title: 'Rangefeed Catchup Scans Duration',
    about: 'From the commit of a change until its changefeed has read it from the changelog: long while it catches up.',
    unit: 'duration',
    lines: [{ label: '99th percentile', metric: 'changefeed.admit_latency-p99', ...highest }],
  },
  {
    title: 'Write-Ahead Log Kept',
    about: 'Write-ahead log that PostgreSQL keeps for the slot of each source.',
    unit: 'bytes',
    lines: [{ label: 'Kept', metric: 'changefeed.source.slot_retained_bytes', ...ofEachDatabase }],
  },
  {
    title: 'Slot Lag',
    about: 'How far the changelog is behind each source.',
    unit: 'duration',
    lines: [{ label: 'Lag', metric: 'changefeed.source.slot_lag_seconds', scale: 1e9, ...ofEachDatabase }],
  },
  {
    title: 'Changelog Size',
    about: 'Bytes that the changelog of each source holds.',
    unit: 'bytes',
    lines: [{ label: 'Size', metric: 'changefeed.changelog.bytes', ...ofEachDatabase }],
  },
  {
    title: 'Sink Back-Pressure',
    about: 'Time that changefeeds have waited for their sinks, in each second.',
    unit: 'duration',
    lines: [{ label: 'Waited', metric: 'changefeed.sink_backpressure_nanos-sum', ...growing }],
  },
]
