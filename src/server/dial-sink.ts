// The far end is tried before a job is made, so that a wrong address or password is an error of the statement.

import type { SinkSpec } from '../core/feed-spec.ts'
import { dialKafka } from '../sink/kafka/open-kafka-sink.ts'

export async function dialSink(sink: SinkSpec): Promise<void> {
  if (sink.tag === 'kafka') await dialKafka(sink)
}
