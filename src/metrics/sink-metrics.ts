// The table of the metrics of sinks, of all changefeeds with the same kind of sink.

import type { FeedMeter } from '../core/feed-meter.ts'
import type { MetricTable } from './metrics.ts'

export const sinkMetrics: MetricTable<FeedMeter> = {
  'changefeed.sink.requests': {
    kind: 'counter',
    unit: 'count',
    shown: 'support',
    help: 'Requests to the far end: Produce, POST, Publish, chunks of rows; of a file, each of the calls that it takes. An attempt to reach a far end that is away counts, too.',
    read: (meter) => meter.value('sinkRequests'),
  },
  'changefeed.sink.failed_requests': {
    kind: 'counter',
    unit: 'count',
    shown: 'essential',
    help: 'Requests to the far end that failed.',
    read: (meter) => meter.value('sinkErrors'),
  },
  'changefeed.sink.retries': {
    kind: 'counter',
    unit: 'count',
    shown: 'support',
    help: 'Batches and files, or calls for a file, that were sent again.',
    read: (meter) => meter.value('sinkRetries'),
  },
  'changefeed.sink.messages': {
    kind: 'counter',
    unit: 'count',
    shown: 'support',
    help: 'Messages of rows that the far end has confirmed.',
    read: (meter) => meter.value('messages'),
  },
  'changefeed.network.bytes_out': {
    kind: 'counter',
    unit: 'bytes',
    shown: 'support',
    help: 'Bytes of messages in requests to the far end, also in those that failed and were sent again, without headers and encryption.',
    read: (meter) => meter.value('bytesOut'),
  },
}
