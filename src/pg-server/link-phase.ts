// The phases of a session's connection to PostgreSQL. The phase decides who reads what the server sends.
//
//   authenticating ── the client is let in ──► starting ──┐
//                                                          │                     ┌── a query for the client ──► relaying ──┐
//                                                          ├─ ready ─► passing ──┤                                         ├─► passing
//                                              replacing ──┘                     └── a query of our own ──────► asking ────┘
//
//   every phase ── the connection ends, or is closed ──► over
//
//                   the client sees
//   authenticating  what PostgreSQL asks it (login.ts)
//   starting        the start-up: parameters, the key (ours instead of PostgreSQL's), ReadyForQuery
//   replacing       nothing: the connection replaces an earlier one, whose start-up the client has seen
//   passing         everything
//   relaying        everything but ReadyForQuery, which we send when the whole query string has run
//   asking          only what the server sends unasked: changed parameters and notifications
//   over            nothing

import { FeedError } from '../errors/feed-error.ts'
import { stepsOf } from '../errors/phase-table.ts'

/** A query or Sync of ours that the server has not answered yet. */
export interface Exchange {
  /** The first error in the answer of the server. */
  error: FeedError | undefined
  readonly done: PromiseWithResolvers<void>
}

export type LinkPhase =
  | { readonly tag: 'authenticating' }
  | { readonly tag: 'starting' }
  | { readonly tag: 'replacing' }
  | { readonly tag: 'passing' }
  | { readonly tag: 'relaying'; readonly exchange: Exchange }
  | {
      readonly tag: 'asking'
      readonly exchange: Exchange
      /** The rows of the answer that were received so far. */
      readonly rows: (string | null)[][]
      /** Called for each notice in the answer. */
      readonly noticed: ((message: string) => void) | undefined
    }
  | { readonly tag: 'over' }

/** Returns the next phase, and throws unless the table allows the step to it. */
export const followLink = stepsOf<LinkPhase>({
  authenticating: ['starting', 'over'],
  starting: ['passing', 'over'],
  replacing: ['passing', 'over'],
  // A ReadyForQuery that the client sees leaves the phase as it is.
  passing: ['passing', 'relaying', 'asking', 'over'],
  relaying: ['passing', 'over'],
  asking: ['passing', 'over'],
  over: [],
})

/** Returns whether the client sees the answers of the server. It is called for each message, so it allocates nothing. */
export function showsAnswers({ tag }: LinkPhase): boolean {
  return tag === 'passing' || tag === 'relaying' || tag === 'starting' || tag === 'authenticating'
}

/** Returns whether the client sees what the server sends unasked. */
export function showsAsides({ tag }: LinkPhase): boolean {
  return tag !== 'replacing' && tag !== 'over'
}

export function exchangeOf(phase: LinkPhase): Exchange | undefined {
  return phase.tag === 'asking' || phase.tag === 'relaying' ? phase.exchange : undefined
}
