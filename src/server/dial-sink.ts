// The far end is tried before a job is made, so that a wrong address or password is an error of the statement.

import type { SinkSpec } from '../core/feed-spec.ts'

export async function dialSink(sink: SinkSpec): Promise<void> {
  if (sink.tag !== 'kafka') return
  // Loaded when it is used: the client library takes 60 MB.
  const { dialKafka } = await import('../sink/kafka/open-kafka-sink.ts')
  await dialKafka(sink)
}
