// Every metric of CockroachDB's changefeeds is there, or the reference says why not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { absentMetrics } from './absent-metrics.ts'
import { changefeedMetrics } from './changefeed-metrics.ts'
import { jobMetrics } from './job-metrics.ts'
import { sinkMetrics } from './sink-metrics.ts'

/** Of v26.3, below `changefeed.`. */
const ofChangefeeds = `
  admit_latency aggregator_progress backfill_count backfill_pending_ranges batch_reduction_count
  buffer_entries.allocated_mem buffer_entries.flush.aggregator buffer_entries.flush.rangefeed
  buffer_entries.in.aggregator buffer_entries.in.rangefeed buffer_entries.kv.aggregator buffer_entries.kv.rangefeed
  buffer_entries.out.aggregator buffer_entries.out.rangefeed buffer_entries.released.aggregator
  buffer_entries.released.rangefeed buffer_entries.resolved.aggregator buffer_entries.resolved.rangefeed
  buffer_entries_mem.acquired buffer_entries_mem.released buffer_pushback_nanos.aggregator
  buffer_pushback_nanos.rangefeed bytes.messages_pushback_nanos checkpoint.create_nanos checkpoint.span_count
  checkpoint.timestamp_count checkpoint.total_bytes checkpoint_hist_nanos checkpoint_lag checkpoint_progress
  cloudstorage_buffered_bytes commit_latency emitted_batch_sizes emitted_bytes emitted_messages error_retries failures
  filtered_messages flush.messages_pushback_nanos flush_hist_nanos flushed_bytes flushes forwarded_resolved_messages
  frontier_updates internal_retry_message_count kafka_throttling_hist_nanos lagging_ranges max_behind_nanos
  message_size_hist messages.messages_pushback_nanos network.bytes_in network.bytes_out nprocs_consume_event_nanos
  nprocs_flush_nanos nprocs_in_flight_count parallel_io_in_flight_keys parallel_io_pending_rows parallel_io_queue_nanos
  parallel_io_result_queue_nanos parallel_io_workers progress_skew.span progress_skew.table queue_time_nanos running
  schema_registry.registrations schema_registry.retry_count schemafeed.table_history_scans
  schemafeed.table_metadata_nanos sink_backpressure_nanos sink_batch_hist_nanos sink_errors sink_io_inflight
  size_based_flushes stage.checkpoint_job_progress.latency stage.downstream_client_send.latency stage.emit_row.latency
  stage.encode.latency stage.frontier_persistence.latency stage.kv_feed_buffer.latency
  stage.kv_feed_wait_for_table_event.latency stage.pts.create.latency stage.pts.manage.latency
  stage.pts.manage_error.latency stage.rangefeed_buffer_checkpoint.latency stage.rangefeed_buffer_value.latency
  total_ranges usage.error_count usage.query_duration usage.table_bytes
`
/** Below `jobs.changefeed.`. */
const ofJobs = `
  currently_idle currently_paused currently_running expired_pts_records fail_or_cancel_completed
  fail_or_cancel_retry_error protected_age_sec protected_record_count resume_completed resume_failed resume_retry_error
`
const words = (text: string, before: string): readonly string[] =>
  text
    .trim()
    .split(/\s+/)
    .map((word) => before + word)

/** `a.{b,c}` is `a.b` and `a.c`. */
function expanded(name: string): readonly string[] {
  const [, before = '', inside = '', after = ''] = /^(.*?)\{(.*?)\}(.*)$/.exec(name) ?? []
  if (inside === '') return [name]
  return inside.split(',').flatMap((one) => expanded(before + one + after))
}

test('every metric of CockroachDB is either there or listed with the reason, and none is both', () => {
  const here = new Set([changefeedMetrics, jobMetrics, sinkMetrics].flatMap((table) => Object.keys(table)))
  const absent = new Set(absentMetrics.flatMap(({ names }) => names.flatMap(expanded)))
  const all = [...words(ofChangefeeds, 'changefeed.'), ...words(ofJobs, 'jobs.changefeed.')]
  for (const name of all) assert.notEqual(here.has(name), absent.has(name), name)
  for (const name of absent) assert.ok(!here.has(name), name)
})
