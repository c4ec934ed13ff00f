// Sinks are loaded when the first changefeed needs them: the client library of a sink can take 60 MB in each thread.

import { orAbort } from '../async/or-abort.ts'
import { saveCompiled } from '../core/compile-cache.ts'
import type { FeedSpec, SinkSpec } from '../core/feed-spec.ts'
import { laterVersion } from '../errors/later-version.ts'
import { loadPart } from '../errors/replaced-program.ts'
import type { Sink } from './sink.ts'
import type { SinkModule, SinkOpening } from './sink-facts.ts'
import { factsOfSink } from './sinks.ts'

export async function openSink(spec: SinkSpec, opening: SinkOpening): Promise<Sink> {
  const { logTag = spec.tag } = factsOfSink(spec)
  const { open } = await loadSink(spec.tag)
  return open(spec, { ...opening, log: (level, text) => opening.log(level, `[${logTag}] ${text}`) })
}

/** Checks the far end, if the sink has one. Throws the signal's reason as soon as it aborts, also if the far end hangs. */
export async function dialSink(
  { sink, resolvedIntervalMs }: Pick<FeedSpec, 'sink' | 'resolvedIntervalMs'>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const { dial } = await loadSink(sink.tag)
  if (dial !== undefined) await orAbort(dial(sink, { resolved: resolvedIntervalMs !== undefined, signal }), signal)
}

export async function loadSink(tag: string): Promise<SinkModule> {
  const { open } = factsOfSink({ tag })
  if (open === undefined) throw laterVersion('sink', tag)
  // Node loads a module only once.
  const module = await loadPart(open)
  saveCompiled()
  return module
}
