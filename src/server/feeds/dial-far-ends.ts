// Checks what a changefeed will connect to before anything is changed for it, so that a wrong address or password is an error of the
// statement.

import type { FeedSpec } from '../../core/feed-spec.ts'
import { checkRegistry } from '../../schema-registry/schema-registry.ts'
import { dialSink } from '../../sink/open-sink.ts'
import { allowedRegistry, allowedSink, type SinkSurroundings } from './allowed-sinks.ts'

/** For a job. */
export async function dialFarEnds(spec: FeedSpec, around: SinkSurroundings, signal: AbortSignal): Promise<void> {
  await dialSink({ ...spec, sink: allowedSink(spec.sink, around) }, signal)
  await dialRegistry(spec, around.settings, signal)
}

/** For a changefeed on a connection, which has no other far end. */
export async function dialRegistry(
  spec: Pick<FeedSpec, 'registry'>,
  settings: SinkSurroundings['settings'],
  signal: AbortSignal,
): Promise<void> {
  const registry = allowedRegistry(spec.registry, settings)
  if (registry !== undefined) await checkRegistry(registry, signal)
  signal.throwIfAborted()
}
