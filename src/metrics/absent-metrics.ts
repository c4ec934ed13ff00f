// The metrics of CockroachDB's changefeeds that have no meaning here, for the reference: a panel of a dashboard that shows one of
// them stays empty.

export const absentMetrics: readonly { readonly names: readonly string[]; readonly why: string }[] = [
  {
    names: [
      'changefeed.buffer_entries.{in,out,released,kv,flush,resolved}.{aggregator,rangefeed}',
      'changefeed.buffer_entries.allocated_mem',
      'changefeed.buffer_entries_mem.{acquired,released}',
      'changefeed.buffer_pushback_nanos.{aggregator,rangefeed}',
      'changefeed.stage.{kv_feed_buffer,kv_feed_wait_for_table_event,rangefeed_buffer_value,rangefeed_buffer_checkpoint}.latency',
      'changefeed.queue_time_nanos',
    ],
    why: 'There is no buffer in memory between the database and a changefeed: the changelog is on the disk. Look at `changefeed_admit_latency`, `changefeed_changelog_durable_latency` and `changefeed_changelog_wait_nanos`.',
  },
  {
    names: [
      'changefeed.{bytes,messages,flush}.messages_pushback_nanos',
      'changefeed.parallel_io_in_flight_keys',
      'changefeed.parallel_io_result_queue_nanos',
      'changefeed.parallel_io_workers',
      'changefeed.nprocs_{consume_event_nanos,flush_nanos,in_flight_count}',
    ],
    why: 'Nothing throttles by quota, and no pool of workers shares the rows of a changefeed. Look at `changefeed_sink_backpressure_nanos` and `changefeed_sink_io_inflight`.',
  },
  {
    names: [
      'changefeed.checkpoint.{create_nanos,total_bytes,span_count,timestamp_count}',
      'changefeed.forwarded_resolved_messages',
      'changefeed.progress_skew.{span,table}',
      'changefeed.stage.frontier_persistence.latency',
    ],
    why: 'A changefeed reads one log in its order, so all its tables are equally far, and how far is one number.',
  },
  {
    names: ['changefeed.stage.pts.{create,manage,manage_error}.latency'],
    why: 'A job protects its changes by its row; nothing is written for that.',
  },
  {
    names: ['changefeed.schemafeed.{table_history_scans,table_metadata_nanos}'],
    why: 'Schema changes come with the rows; nothing is polled.',
  },
  { names: ['changefeed.filtered_messages'], why: 'There are no CDC queries yet.' },
  { names: ['changefeed.usage.{table_bytes,query_duration,error_count}'], why: 'Nothing is billed.' },
  {
    names: ['changefeed.network.bytes_in'],
    why: 'Far ends answer a request with a few bytes, whatever it had. `changefeed_sink_requests` counts the requests.',
  },
  {
    names: ['jobs.changefeed.currently_idle', 'jobs.changefeed.fail_or_cancel_retry_error'],
    why: 'A job that has nothing to do runs all the same, and there is nothing to undo when it ends.',
  },
]
