// The Kafka sink: a batching sink whose lanes are the partitions of the feed's topics, and whose batches are Kafka's record
// batches, sent in Produce requests to the brokers that lead the partitions.
//
// Order over broken connections: what is sent again begins with the first batch that is not known to be written, so
// whatever still arrives from an old connection repeats messages that consumers have already seen.
// Durability: a batch is confirmed when it has been acknowledged as the acks of the specification say; without acks, when the
// leader has written it. The sink never logs a key or a value.

import type { FeedMeter } from '../../core/feed-meter.ts'
import { BatchingSink } from '../batching/batching-sink.ts'
import { Lanes } from '../batching/lanes.ts'
import { mostBatchBytes } from './parameters.ts'
import type { KafkaSinkSpec, Partition } from './spec.ts'
import type { KafkaClient } from './kafka-client.ts'
import type { SinkLog } from '../sink-facts.ts'
import { TopicPartitions } from './partitions.ts'
import { KafkaProducer } from './producer.ts'
import { recordOverhead, RecordBatch } from './record-batch.ts'
import { recordHeaders } from './record-headers.ts'

export type KafkaSink = BatchingSink<Partition, RecordBatch>

export interface KafkaSinkOptions {
  readonly spec: KafkaSinkSpec
  readonly client: KafkaClient
  readonly log: SinkLog
  readonly meter?: FeedMeter | undefined
  /** Ends the sink when it aborts. */
  readonly signal: AbortSignal
  /** The sink asks for new partitions no more often than this. */
  readonly refreshMs?: number
}

const defaultRefreshMs = 60_000
const budgetBytes = 8 * 1024 * 1024
const maxRequestBytes = 4 * 1024 * 1024
const maxRequestsPerBroker = 4

/** Asks for the topics and, if acks allow one, for a producer id. */
export async function kafkaSink(options: KafkaSinkOptions): Promise<KafkaSink> {
  const { spec, client, log, meter, signal, refreshMs = defaultRefreshMs } = options
  const { maxMessages = 0, maxBytes = 0 } = spec.flush
  const messages = maxMessages > 0 ? maxMessages : Number.POSITIVE_INFINITY
  const headers = recordHeaders(spec.headers ?? [])
  const lanes = new Lanes<Partition, RecordBatch>({
    newBody: () => new RecordBatch(undefined, headers),
    limits: {
      bytes: maxBytes > 0 ? Math.min(maxBytes, mostBatchBytes) : mostBatchBytes,
      messages,
      overheadBytes: recordOverhead + headers.length,
    },
    budgetBytes,
    meter,
  })
  const partitions = new TopicPartitions({ spec, client, lanes, log, refreshMs })
  const layouts = await partitions.refresh()
  // Without acks nobody would learn that a leader refuses messages.
  if (spec.acks === 'none') await client.askLeaders(layouts)
  const producer = new KafkaProducer({ spec, client, partitions })
  await producer.open()
  return new BatchingSink({
    client: producer,
    lanes,
    map: partitions,
    flush: spec.flush,
    request: { perRoute: maxRequestsPerBroker, lanes: Number.POSITIVE_INFINITY, bytes: maxRequestBytes, messages },
    retry: spec.retry,
    warn: (text, level = 'warn') => log(level, text),
    signal,
    close: () => client[Symbol.asyncDispose](),
  })
}
