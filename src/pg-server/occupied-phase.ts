// The phases of a session's backend while a long statement of ours runs. Meanwhile PostgreSQL runs a statement that only waits,
// which is called the wait here.
//
//            active           a moment             the wait reports that it runs
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
// Active: the client waits for the statement. Over: it does not any more. Needed: another query of the statement uses the backend.
//
//              the session's backend                                  a cancel request to the backend
//   free       runs queries of the client or of statements of ours    cancels such a query
//   quiet      is free; the wait begins in a moment                   has no effect
//   beginning  was sent the wait, which has not reported yet          may have no effect
//   waiting    runs the wait                                          ends the statement of ours
//   stopping   is canceled by us, and is free soon                    cannot be distinguished from ours
//   spent      the wait ended by itself: a user canceled it, or it cannot run; free when the statement is not active

import { stepsOf } from '../errors/phase-table.ts'

/** The wait with all its steps. */
export interface Wait {
  readonly done: Promise<void>
  /** Settles when our cancel request is over; no query is sent before that, for the request could cancel the query. */
  canceling: Promise<void>
}

/** Resolves when a step of the wait runs, so that a cancel request can end it. */
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

/** Returns the next phase, and throws unless the table allows the step to it. */
export const followOccupied = stepsOf<OccupiedPhase>({
  free: ['quiet'],
  quiet: ['free', 'beginning'],
  beginning: ['waiting', 'stopping', 'spent'],
  waiting: ['beginning', 'stopping', 'spent'],
  stopping: ['free'],
  spent: ['free'],
})
