// /_status/vars: what is running, how far, and how far behind, read when asked for.

import { Counter, Gauge, Registry } from 'prom-client'
import type { MetricScopes } from '../core/metric-scopes.ts'
import type { FeedPool } from '../feed/feed-pool.ts'
import type { JobRegistry } from '../jobs/registry.ts'
import type { SettingsStore } from '../settings/store.ts'
import { measureScopes, type Measurement } from './measure-scopes.ts'
import type { Sources } from './sources.ts'

export interface Measured {
  readonly feeds: FeedPool
  readonly jobs: JobRegistry
  readonly sources: Sources
  readonly scopes: MetricScopes
  readonly settings: SettingsStore
}

export async function metricsText({ feeds, jobs, sources, scopes, settings }: Measured): Promise<string> {
  const registry = new Registry()
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name, help, labelNames, registers: [registry] })

  const { total, byScope } = measureScopes(scopes, feeds, jobs)
  const running = gauge('changefeed_running', 'changefeeds that run now, also those that wait to try again', ['scope'])
  const emitted = counter('changefeed_emitted_messages', 'messages handed to sinks', ['message_type', 'scope'])
  const bytes = counter('changefeed_emitted_bytes', 'bytes of keys and values handed to sinks', ['scope'])
  const flushes = counter('changefeed_flushes', 'times that a sink was flushed for a checkpoint', ['scope'])
  const retries = counter('changefeed_error_retries', 'retries of changefeeds after an error that may pass', ['scope'])
  const failures = counter('changefeed_failures', 'changefeeds that failed for good', ['scope'])
  const checkpoint = gauge(
    'changefeed_checkpoint_progress',
    'nanoseconds since 1970 up to which the slowest job is saved; zero when no job has saved a high-water mark',
    ['scope'],
  )
  const behind = gauge('changefeed_max_behind_nanos', 'how far the slowest changefeed is behind the present', ['scope'])
  const nowNanos = BigInt(Date.now()) * 1_000_000n
  const show = (measured: Measurement, label: object): void => {
    running.set({ ...label }, measured.running)
    emitted.inc({ ...label, message_type: 'row' }, measured.messages)
    emitted.inc({ ...label, message_type: 'resolved' }, measured.resolvedMessages)
    bytes.inc({ ...label }, measured.bytes)
    flushes.inc({ ...label }, measured.flushes)
    retries.inc({ ...label }, measured.retries)
    failures.inc({ ...label }, measured.failures)
    checkpoint.set({ ...label }, Number(measured.checkpoint ?? 0n))
    behind.set({ ...label }, measured.frontier === undefined ? 0 : Number(nowNanos - measured.frontier))
  }
  const showsScopes = settings.get('server.child_metrics.enabled')
  if (!showsScopes || settings.get('server.child_metrics.include_aggregate.enabled')) show(total, {})
  if (showsScopes) for (const [scope, measured] of byScope) show(measured, { scope })

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
