// The phases of one run of a statement of ours. The client may take its rows a few at a time: a turn of the statement lasts
// from when the client asks for rows until it has them.
//
//                              the rows are sent, or the client wants no more of them
//   waiting ── a turn ──► running ──────────────────────────────────────────────────► pausing ──► waiting
//      │                     │                                                           │
//      │                     └── the statement has ended ──► ending ◄────────────────────┤
//      │                                                        │                        │
//      └── the statement has ended ──► over ◄───────────────────┘      a stopped statement that does not end pauses, too
//
//            what the statement sends           PostgreSQL's backend of the session
//   waiting  waits for the next turn            is free
//   running  goes to the client                 waits for the statement, if it said that it runs long
//   pausing  waits for the next turn            stops waiting
//   ending   nothing: the result is known       stops waiting
//   over     nothing                            is free

import { stepsOf } from '../errors/phase-table.ts'

/** How the statement ended. */
export type Outcome = { readonly commandTag: string } | { readonly error: unknown }

/** The statement has its turn. */
export interface Running {
  readonly tag: 'running'
  /** `performance.now()` when the client asked. */
  readonly startedAt: number
  /** How many more rows may be sent; undefined: no limit. */
  rowsLeft: number | undefined
  /** Resolves at the end of the turn. */
  readonly over: PromiseWithResolvers<void>
  /** Set for a statement that is stopped: ends the turn if the statement does not end in time. */
  leaving: NodeJS.Timeout | undefined
}

/** Settles at the next turn; rejects when the statement is stopped. */
type NextTurn = PromiseWithResolvers<void>

export type RunPhase =
  | { readonly tag: 'waiting'; readonly next: NextTurn }
  | Running
  | { readonly tag: 'pausing'; readonly next: NextTurn }
  | { readonly tag: 'ending'; readonly outcome: Outcome }
  | { readonly tag: 'over'; readonly outcome: Outcome }

/** Makes the step to another phase; the table says which phases may follow a phase. */
export const followRun = stepsOf<RunPhase>({
  waiting: ['running', 'over'],
  running: ['pausing', 'ending'],
  pausing: ['waiting', 'ending'],
  ending: ['over'],
  over: [],
})

/** The client waits for the statement, which may write to it. */
export function hasTurn({ tag }: RunPhase): boolean {
  return tag === 'running' || tag === 'pausing' || tag === 'ending'
}
