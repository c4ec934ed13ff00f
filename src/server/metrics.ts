// /_status/vars: what is running, how far, and how far behind, read when asked for.

import { Counter, Gauge, Registry } from 'prom-client'
import type { Hlc } from '../core/hlc.ts'
import type { FeedCounts, FeedPool } from '../feed/feed-pool.ts'
import type { JobRegistry } from '../jobs/registry.ts'
import type { Sources } from './sources.ts'

export interface Measured {
  readonly feeds: FeedPool
  readonly jobs: JobRegistry
  readonly sources: Sources
}

export async function metricsText({ feeds, jobs, sources }: Measured): Promise<string> {
  const registry = new Registry()
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name, help, labelNames, registers: [registry] })

  const { running, past, pastOfScopes } = feeds
  const frontiers = runningFrontiers(running, jobs)
  gauge('changefeed_running', 'changefeeds that run now, also those that wait to try again').set(frontiers.length)
  const emitted = counter('changefeed_emitted_messages', 'messages handed to sinks', ['message_type', 'scope'])
  const bytes = counter('changefeed_emitted_bytes', 'bytes of keys and values handed to sinks', ['scope'])
  const flushes = counter('changefeed_flushes', 'times that a sink was flushed for a checkpoint', ['scope'])
  const count = ({ messages, resolvedMessages, bytes: length, flushes: flushed }: FeedCounts, label: object): void => {
    emitted.inc({ ...label, message_type: 'row' }, messages)
    emitted.inc({ ...label, message_type: 'resolved' }, resolvedMessages)
    bytes.inc({ ...label }, length)
    flushes.inc({ ...label }, flushed)
  }
  // The series without a scope are of all changefeeds, those with a metrics_label included.
  count(past, {})
  for (const [scope, counts] of pastOfScopes) count(counts, { scope })
  for (const { progress, scope } of running) {
    count(progress, {})
    if (scope !== undefined) count(progress, { scope })
  }
  counter('changefeed_error_retries', 'retries of changefeeds after an error that may pass').inc(jobs.counts.retries)
  counter('changefeed_failures', 'changefeeds that failed for good').inc(jobs.counts.failures)
  const nowNanos = BigInt(Date.now()) * 1_000_000n
  const behind = frontiers.flatMap((frontier) => (frontier === undefined ? [] : [nowNanos - frontier.wall]))
  const most = behind.reduce((a, b) => (b > a ? b : a), 0n)
  gauge('changefeed_max_behind_nanos', 'how far the slowest changefeed is behind the present').set(Number(most))

  const perSource = ['database']
  const logBytes = gauge('changefeed_changelog_bytes', 'bytes that the changelog keeps', perSource)
  const written = counter(
    'changefeed_changelog_written_bytes',
    'bytes written to the changelog since the start',
    perSource,
  )
  const rows = counter('changefeed_changelog_rows', 'row changes written to the changelog since the start', perSource)
  const transactions = counter(
    'changefeed_changelog_transactions',
    'transactions written to the changelog since the start',
    perSource,
  )
  const closed = gauge(
    'changefeed_changelog_resolved_seconds',
    'the changelog is complete through this time',
    perSource,
  )
  const lag = gauge('changefeed_slot_lag_bytes', 'write-ahead log that is not durable in the changelog yet', perSource)
  const streaming = gauge('changefeed_ingest_running', '1 while ingest reads the slot', perSource)
  const errors = counter('changefeed_ingest_errors', 'times that reading the slot failed since the start', perSource)
  const failing = gauge('changefeed_ingest_failing', '1 while the changes of a database cannot be read, and why', [
    'database',
    'code',
    'sqlstate',
  ])
  for (const { connection, head, ingest } of sources.all) {
    const label = { database: connection.database }
    logBytes.set(label, head.head - head.tail)
    written.inc(label, Number(head.bytes))
    rows.inc(label, Number(head.rows))
    transactions.inc(label, Number(head.transactions))
    closed.set(label, Number(head.resolvedWall / 1_000_000n) / 1000)
    lag.set(label, Number(head.sourceLsn > head.endLsn ? head.sourceLsn - head.endLsn : 0n))
    const { trouble } = ingest
    const isAtWork = ingest.state.tag === 'streaming' || ingest.state.tag === 'pulling'
    streaming.set(label, isAtWork && trouble.now === undefined ? 1 : 0)
    errors.inc(label, trouble.failures)
    if (trouble.now !== undefined)
      failing.set({ ...label, code: trouble.now.error.code, sqlstate: trouble.now.error.sqlstate }, 1)
  }
  return registry.metrics()
}

/**
 * How far each changefeed that should run has come. A job whose sink is down has no feed most of the time, and falls
 * behind all the same: then what it saved counts.
 */
function runningFrontiers(feeds: FeedPool['running'], jobs: JobRegistry): readonly (Hlc | undefined)[] {
  const byId = new Map(feeds.map(({ id, progress }) => [id, progress.frontier]))
  const ofJobs = jobs.running.map(({ job, progress: { highWater, scan } }) => {
    const now = byId.get(job.id)
    byId.delete(job.id)
    return now ?? highWater ?? scan?.at
  })
  return [...ofJobs, ...byId.values()]
}
