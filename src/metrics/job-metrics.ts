// The table of the metrics of jobs, and of the tables that they read.

import type { FeedMeter } from '../core/feed-meter.ts'
import type { MetricTable } from './metrics.ts'

export interface MeasuredJob {
  readonly id: string
  readonly scope: string
  readonly isPaused: boolean
  /** Nanoseconds from the time up to which it has delivered everything until now. */
  readonly lag: number
  /** What its changefeed has counted since it was started last; undefined: none runs. */
  readonly meter?: FeedMeter | undefined
}

export interface MeasuredTable {
  readonly database: string
  readonly table: string
  readonly lag: number
}

export interface MeasuredJobs {
  /** Jobs that are not over. */
  readonly jobs: readonly MeasuredJob[]
  /** The tables that they read, each with the lag of the slowest job. */
  readonly tables: readonly MeasuredTable[]
  /** How many of them need changes of the changelog, and nanoseconds from the oldest of these changes until now. */
  readonly pins: number
  readonly oldestPin: number
  readonly meter: FeedMeter
}

export const jobMetrics: MetricTable<MeasuredJobs> = {
  'changefeed.checkpoint_lag': {
    kind: 'gauge',
    unit: 'nanoseconds',
    shown: 'essential',
    labels: ['job_id', 'scope'],
    help: 'Nanoseconds from the high-water mark of a job until now, also of a paused one; before its first one, from the time of its initial scan.',
    read: ({ jobs }) => jobs.map(({ id, scope, lag }) => ({ labels: { job_id: id, scope }, value: lag })),
  },
  'changefeed.table_lag': {
    kind: 'gauge',
    unit: 'nanoseconds',
    shown: 'support',
    labels: ['database', 'table'],
    help: 'The checkpoint lag of the slowest job that reads a table, in nanoseconds. The label table is its full name, database.schema.table.',
    read: ({ tables }) => tables.map(({ database, table, lag }) => ({ labels: { database, table }, value: lag })),
  },
  'jobs.changefeed.currently_running': {
    kind: 'gauge',
    unit: 'count',
    shown: 'essential',
    help: 'Jobs that run now, or wait for their next attempt.',
    read: ({ jobs }) => jobs.filter(({ isPaused }) => !isPaused).length,
  },
  'jobs.changefeed.currently_paused': {
    kind: 'gauge',
    unit: 'count',
    shown: 'essential',
    help: 'Jobs that are paused.',
    read: ({ jobs }) => jobs.filter(({ isPaused }) => isPaused).length,
  },
  'jobs.changefeed.protected_age_sec': {
    kind: 'gauge',
    unit: 'seconds',
    shown: 'essential',
    help: 'The age of the oldest change that the changelog keeps because a job, running or paused, has not delivered it.',
    read: ({ oldestPin }) => Math.round(oldestPin / 1e9),
  },
  'jobs.changefeed.protected_record_count': {
    kind: 'gauge',
    unit: 'count',
    shown: 'support',
    help: 'Jobs for which the changelog keeps changes.',
    read: ({ pins }) => pins,
  },
  'jobs.changefeed.expired_pts_records': {
    kind: 'counter',
    unit: 'count',
    shown: 'essential',
    help: 'Jobs that failed because the changes that they needed were not in the changelog any more.',
    read: ({ meter }) => meter.value('fellBehind'),
  },
  'jobs.changefeed.resume_completed': {
    kind: 'counter',
    unit: 'count',
    help: 'Jobs that reached their end since the server started.',
    read: ({ meter }) => meter.value('succeeded'),
  },
  'jobs.changefeed.resume_failed': {
    kind: 'counter',
    unit: 'count',
    shown: 'essential',
    help: 'Jobs that failed since the server started, as changefeed_failures.',
    read: ({ meter }) => meter.value('failures'),
  },
  'jobs.changefeed.resume_retry_error': {
    kind: 'counter',
    unit: 'count',
    shown: 'essential',
    help: 'Times that a job was tried again, as changefeed_error_retries.',
    read: ({ meter }) => meter.value('retries'),
  },
  'jobs.changefeed.fail_or_cancel_completed': {
    kind: 'counter',
    unit: 'count',
    help: 'Jobs that failed or were cancelled since the server started.',
    read: ({ meter }) => meter.value('failures') + meter.value('canceled'),
  },
}
