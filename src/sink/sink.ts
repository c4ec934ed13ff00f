// The door of every destination. A sink knows how to deliver encoded messages; it knows nothing of rows, tables or jobs.
//
// Order: messages of one key are delivered in the order they were emitted, within and across batches.
// Ownership: `emit` may read the batch until it settles; the caller then reuses it.
// Back-pressure: `emit` settles when the sink can take the next batch, not when this one is delivered.
// Durability: only `flush` promises that everything emitted before is durable at the far end.
// One caller: calls never overlap.

import type { MessageBatch } from '../core/message-batch.ts'

/** Nothing of what a sink was given has been confirmed for some seconds. */
export interface SinkStall {
  readonly why: string
}

export interface Sink extends AsyncDisposable {
  emit(batch: MessageBatch): Promise<void>
  /** A resolved message goes to every topic (and partition) of the feed. `payload` is valid during the call only. */
  emitResolved(payload: Uint8Array): Promise<void>
  flush(): Promise<void>
  /** Aborts when the sink has failed between calls, so that a feed that waits for rows hears of it at once. */
  readonly failed?: AbortSignal
  /** Asked once a second, also during other calls. */
  stalled?(nowMs: number): SinkStall | undefined
}
