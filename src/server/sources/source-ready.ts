// The wait for a source whose slot and log are not there yet: it tells what it waits for, and ends with whoever waits.

import { orAbort } from '../../async/or-abort.ts'
import type { IngestThread } from '../../ingest/ingest-thread.ts'

export interface ReadyOptions {
  /** Whoever asks does not wait any more. */
  readonly signal?: AbortSignal | undefined
  /** Hears, now and then, what is waited for. */
  readonly waiting?: ((why: string) => void) | undefined
}

const tellEveryMs = 1000

/** Settles when the source is ready; rejects when it cannot be, or with the signal's reason. */
export async function sourceReady(ingest: IngestThread, { signal, waiting }: ReadyOptions): Promise<void> {
  signal?.throwIfAborted()
  let told: string | undefined
  const timer = setInterval(() => {
    const why = ingest.waiting
    if (why === undefined || why === told) return
    told = why
    waiting?.(why)
  }, tellEveryMs)
  try {
    await orAbort(ingest.ready, signal)
  } finally {
    clearInterval(timer)
  }
}
