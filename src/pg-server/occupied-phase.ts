// The phases of a session's backend while a statement of ours runs long. PostgreSQL runs a statement that waits in the
// meantime: the wait.
//
//            a turn           a moment             the wait says that it runs
//   free ──────────► quiet ──────────► beginning ─────────────────────────────► waiting
//    ▲                 │                │  │  ▲                                  │ │ │
//    │ needed, or over │                │  │  └────────── the next step ─────────┘ │ │
//    ├─────────────────┘                │  └──── needed, or over ────┬─────────────┘ │
//    │                                  │                            ▼               │
//    ├── the wait has ended ────────────┼──────────────────────── stopping           │
//    │                                  └─ the wait ended by itself ─┬───────────────┘
//    │                                                               ▼
//    └── needed, or over ───────────────────────────────────────── spent
//
// Needed: something else of the statement uses the backend. Over: the turn of the statement is.
//
//              the session's backend                                  a cancel request to it
//   free       runs what the client or a statement of ours wants      meets that
//   quiet      is free; the wait begins in a moment                   meets nothing
//   beginning  has the wait, and has not said that it runs            may meet nothing
//   waiting    runs the wait                                          ends the statement of ours
//   stopping   is canceled by us, and is free soon                    cannot be told from ours
//   spent      the wait has ended by itself: somebody canceled it, or it cannot run; free when the turn is over

import { stepsOf } from '../errors/phase-table.ts'

/** The wait, over all its steps. */
export interface Wait {
  readonly done: Promise<void>
  /** A cancel request of ours that is under way; what follows the wait must not be met by it. */
  canceling: Promise<void>
}

/** Resolves when a step of the wait runs, so that a cancel request meets it. */
export type Begun = PromiseWithResolvers<void>

export interface Beginning {
  readonly tag: 'beginning'
  readonly wait: Wait
  readonly begun: Begun
}

export type OccupiedPhase =
  | { readonly tag: 'free' }
  | { readonly tag: 'quiet'; readonly timer: NodeJS.Timeout }
  | Beginning
  | { readonly tag: 'waiting'; readonly wait: Wait; readonly begun: Begun }
  | { readonly tag: 'stopping'; readonly wait: Wait }
  | { readonly tag: 'spent'; readonly wait: Wait }

/** Makes the step to another phase; the table says which phases may follow a phase. */
export const followOccupied = stepsOf<OccupiedPhase>({
  free: ['quiet'],
  quiet: ['free', 'beginning'],
  beginning: ['waiting', 'stopping', 'spent'],
  waiting: ['beginning', 'stopping', 'spent'],
  stopping: ['free'],
  spent: ['free'],
})
