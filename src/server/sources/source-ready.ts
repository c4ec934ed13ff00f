// Waits until a source has its slot and its log, and reports what the wait is for.

import { orAbort } from '../../async/or-abort.ts'
import type { IngestThread } from '../../ingest/ingest-thread.ts'

export interface ReadyOptions {
  /** Aborts when the caller does not wait any more. */
  readonly signal?: AbortSignal | undefined
  /** Called from time to time with what the wait is for. */
  readonly waiting?: ((why: string) => void) | undefined
}

const tellEveryMs = 1000

/** Settles when the source is ready; rejects when it cannot become ready, or with the reason of the signal. */
export async function sourceReady(ingest: IngestThread, { signal, waiting }: ReadyOptions): Promise<void> {
  signal?.throwIfAborted()
  let reported: string | undefined
  const timer = setInterval(() => {
    const why = ingest.waiting
    if (why === undefined || why === reported) return
    reported = why
    waiting?.(why)
  }, tellEveryMs)
  try {
    await orAbort(ingest.ready, signal)
  } finally {
    clearInterval(timer)
  }
}
