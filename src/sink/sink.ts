// The interface of every destination. A sink knows how to deliver encoded messages; it knows nothing of rows, tables or jobs.
//
// Order: messages of one key are delivered in the order they were emitted, within and across batches.
// Ownership: `emit` may read the batch until it settles; the caller then reuses it.
// Back-pressure: `emit` settles when the sink can take the next batch, not when this one is delivered.
// Durability: only `flush` promises that everything emitted before is durable at the far end.
// One caller: calls never overlap.

import type { Hlc } from '../core/hlc.ts'
import type { MessageBatch } from '../core/message-batch.ts'

/** Says that the far end has confirmed nothing for some seconds, although the sink has sent messages. */
export interface SinkStall {
  readonly why: string
}

/** The feed promises that it emits no change at or below `at` any more. */
export interface Resolved {
  readonly at: Hlc
  /** The bytes for one topic (an index into `FeedSpec.targets`), valid until the next call, and during `emitResolved` only. */
  payload(topic: number): Uint8Array
}

export interface Sink extends AsyncDisposable {
  emit(batch: MessageBatch): Promise<void>
  /** Sends a resolved message to every topic (and partition) of the feed. May wait until everything before it is delivered. */
  emitResolved(resolved: Resolved): Promise<void>
  /** `frontier`: everything at or below it was emitted. Undefined: there is none yet (during an initial scan). */
  flush(frontier: Hlc | undefined): Promise<void>
  /** Aborts when the sink has failed between calls, so that a feed that waits for rows learns of it at once. */
  readonly failed?: AbortSignal
  /** Called once a second, also during other calls. */
  stalled?(nowMs: number): SinkStall | undefined
}
