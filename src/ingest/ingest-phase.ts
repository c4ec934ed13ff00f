// The phases of a source's ingest as the main thread sees it. The phase decides what happens to a caller that asks for the source.
//
//                     the slot exists, the log begins
//   ┌───► preparing ──────────────────────────────────► ready ◄────┐
//   │      │  │  ▲                                      │  │       │
//   │      │  ▼  │ after a pause                        │  ▼       │ after a pause
//   │      │ restarting                                 │ reviving ┘
//   │      │                                            │
//   │      └──────────► refused ◄───────────────────────┘
//   │                      │
//   │                      ▼ the thread has ended
//   └─ somebody asks ── failed
//
//   A thread that dies leads to restarting or reviving. What only a human can help with leads to refused.
//   every phase ── stop ──► stopping ── the thread has ended ──► stopped
//
//                 a thread   a caller that asks for the source
//     preparing   runs       waits; gets an error if the source refuses, and may ask again
//     ready       runs       is let in
//     restarting  will run   waits
//     reviving    will run   is let in: the log is there, and grows again when the thread runs
//     refused     ends       gets the error
//     failed      none       has a new thread started, and waits
//     stopping    ends       gets an error: ingest is stopping
//     stopped     none       gets the same error

import type { Worker } from 'node:worker_threads'
import type { WireError } from '../errors/feed-error.ts'
import { stepsOf } from '../errors/phase-table.ts'

export type IngestPhase =
  /** `asked` settles for the callers who wait for the source. */
  | { readonly tag: 'preparing'; readonly worker: Worker; readonly asked: PromiseWithResolvers<void> }
  | { readonly tag: 'ready'; readonly worker: Worker }
  | { readonly tag: 'restarting'; readonly timer: NodeJS.Timeout; readonly asked: PromiseWithResolvers<void> }
  | { readonly tag: 'reviving'; readonly timer: NodeJS.Timeout }
  | { readonly tag: 'refused'; readonly worker: Worker; readonly error: WireError }
  | { readonly tag: 'failed'; readonly error: WireError }
  | { readonly tag: 'stopping'; readonly worker: Worker; readonly ended: PromiseWithResolvers<void> }
  | { readonly tag: 'stopped' }

/** Makes the step to another phase; the table says which phases may follow a phase. */
export const followIngest = stepsOf<IngestPhase>({
  // A refusal that may pass rejects the callers who wait. A later caller waits for the next attempt.
  preparing: ['preparing', 'ready', 'restarting', 'refused', 'stopping'],
  ready: ['reviving', 'refused', 'stopping'],
  restarting: ['preparing', 'stopped'],
  reviving: ['ready', 'stopped'],
  refused: ['failed', 'stopping'],
  failed: ['preparing', 'stopped'],
  stopping: ['stopped'],
  stopped: [],
})

/** The thread that runs, or ends. */
export function workerOf(phase: IngestPhase): Worker | undefined {
  return 'worker' in phase ? phase.worker : undefined
}

/** The promise that callers of `ready` wait for. Its rejection is handled even if there are no callers. */
export function newAsked(): PromiseWithResolvers<void> {
  const asked = Promise.withResolvers<void>()
  asked.promise.catch(() => undefined)
  return asked
}
