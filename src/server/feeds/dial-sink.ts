// The far end is tried before a job is made, so that a wrong address or password is an error of the statement.

import { orAbort } from '../../async/or-abort.ts'
import type { FeedSpec } from '../../core/feed-spec.ts'

/** Throws the signal's reason as soon as it aborts: a broker that says nothing is given up late. */
export async function dialSink(
  { sink, resolvedIntervalMs }: Pick<FeedSpec, 'sink' | 'resolvedIntervalMs'>,
  signal: AbortSignal,
): Promise<void> {
  if (sink.tag !== 'kafka') return
  signal.throwIfAborted()
  // Loaded when it is used: the client library takes 60 MB.
  const { dialKafka } = await import('../../sink/kafka/open.ts')
  await orAbort(dialKafka(sink, { resolved: resolvedIntervalMs !== undefined, signal }), signal)
}
