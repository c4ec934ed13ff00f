// One batch of a lane, and the phases of its life.
//
//             it is full, or is to be sent         its turn has come
//   filling ───────────────────────────► waiting ──────────────────► sending ──► delivered
//                                        ▲ ▲ ▲                      │ │ │
//                                        │ │ └─── asked for later ──┘ │ │
//                                        │ └── halves of it wait ─ split │
//                                        │                              │ the attempt failed
//                                        └── the wait is over ── backing-off
//
//   filling      takes more messages; a lane has at most one such batch, the last of its batches
//   waiting      does not change any more, and waits until the batches before it are delivered, or until the far end takes it
//   sending      is on its way to the far end; a lane has at most one batch that is sending or backing off, its first one
//   backing-off  waits until it may be sent again, unchanged
//   delivered    the far end has it, and its body can be filled again
//   split        the far end refused it for its size; two new batches with half of its messages each took its place

import { stepsOf } from '../../errors/phase-table.ts'

export type BatchPhase =
  | { readonly tag: 'filling' }
  | { readonly tag: 'waiting'; readonly failures: number }
  | { readonly tag: 'sending'; readonly failures: number }
  | { readonly tag: 'backing-off'; readonly failures: number }
  | { readonly tag: 'delivered' }
  | { readonly tag: 'split' }

/** Makes the step to another phase; the table says which phases may follow a phase. */
export const followBatch = stepsOf<BatchPhase>({
  filling: ['waiting'],
  waiting: ['sending'],
  sending: ['waiting', 'backing-off', 'delivered', 'split'],
  'backing-off': ['waiting'],
  delivered: [],
  split: [],
})

/** What is measured of a batch. */
export interface BatchTimes {
  /** When the oldest of its messages was committed, in ms since 1970; NaN: not known, or of a scan. */
  readonly committedMs: number
  /** When it got its first message, as `performance.now()` counts. */
  readonly openedAtMs: number
}

export interface BatchOptions {
  readonly phase?: BatchPhase
  readonly times?: BatchTimes
}

const noTimes: BatchTimes = { committedMs: Number.NaN, openedAtMs: 0 }

export class Batch<Body> {
  readonly body: Body
  /** How many messages the lane had before this batch. */
  readonly first: number
  readonly times: BatchTimes
  /** How many of its messages are resolved messages. */
  resolved = 0
  /** The bytes of the keys and values of the others. */
  payloadBytes = 0
  #phase: BatchPhase

  constructor(body: Body, first: number, { phase = { tag: 'filling' }, times = noTimes }: BatchOptions = {}) {
    this.body = body
    this.first = first
    this.times = times
    this.#phase = phase
  }

  /** How many attempts to send it have failed. */
  get failures(): number {
    return 'failures' in this.#phase ? this.#phase.failures : 0
  }

  enter(phase: BatchPhase): void {
    this.#phase = followBatch(this.#phase, phase)
  }
}
