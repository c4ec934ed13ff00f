// The phases of one run of a statement of ours. The client may fetch its rows a few at a time: the statement is active from
// when the client asks for rows until the client has them.
//
//                              the rows are sent, or the client wants no more of them
//   waiting ── asked ───► running ──────────────────────────────────────────────────► pausing ──► waiting
//      │                     │                                                           │
//      │                     └── the statement has ended ──► ending ◄────────────────────┤
//      │                                                        │                        │
//      └── the statement has ended ──► over ◄───────────────────┘      a stopped statement that does not end pauses, too
//
//            rows that the statement sends                 PostgreSQL's backend of the session
//   waiting  wait until the client asks for rows           is free
//   running  are sent to the client                        runs the wait, if the statement called `occupy`
//   pausing  wait until the client asks for rows           stops the wait
//   ending   there are none: the result is known           stops the wait
//   over     there are none                                is free

import { stepsOf } from '../errors/phase-table.ts'

/** How the statement ended. */
export type Outcome = { readonly commandTag: string } | { readonly error: unknown }

/** The phase in which the statement sends rows. */
export interface Running {
  readonly tag: 'running'
  /** The time of `performance.now()` when the client asked for rows. */
  readonly startedAt: number
  /** How many more rows may be sent; undefined if there is no limit. */
  rowsLeft: number | undefined
  /** Resolves at the end of the phase. */
  readonly over: PromiseWithResolvers<void>
  /** For a statement that is stopped, the timer that ends the phase if the statement does not end in time. */
  leaving: NodeJS.Timeout | undefined
}

/** Resolves when the client asks for rows again; rejects when the statement is stopped. */
type NextRequest = PromiseWithResolvers<void>

export type RunPhase =
  | { readonly tag: 'waiting'; readonly next: NextRequest }
  | Running
  | { readonly tag: 'pausing'; readonly next: NextRequest }
  | { readonly tag: 'ending'; readonly outcome: Outcome }
  | { readonly tag: 'over'; readonly outcome: Outcome }

/** Returns the next phase, and throws unless the table allows the step to it. */
export const followRun = stepsOf<RunPhase>({
  waiting: ['running', 'over'],
  running: ['pausing', 'ending'],
  pausing: ['waiting', 'ending'],
  ending: ['over'],
  over: [],
})

/** Returns whether the client waits for the statement, so that the statement may write to the client. */
export function isActive({ tag }: RunPhase): boolean {
  return tag === 'running' || tag === 'pausing' || tag === 'ending'
}
