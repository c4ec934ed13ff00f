// The phases of a session's connection to PostgreSQL. The phase says who reads what the server sends.
//
//   starting ──┐                     ┌── a query for the client ──► relaying ──┐
//              ├─ ready ─► passing ──┤                                         ├── ready ──► passing
//   replacing ─┘                     └── a query of our own ──────► asking ────┘
//
//   every phase ── the connection ends, or is closed ──► over
//
//              the client sees
//   starting   the start-up: parameters, the key (ours in the place of PostgreSQL's), ReadyForQuery
//   replacing  nothing: the connection takes the place of an earlier one, whose start-up the client has seen
//   passing    everything
//   relaying   everything but ReadyForQuery, which we send when the whole query string has run
//   asking     nothing but what the server says of its own accord: changed parameters and notifications
//   over       nothing

import { FeedError } from '../errors/feed-error.ts'
import { stepsOf } from '../errors/phase-table.ts'

/** A query or Sync of ours that the server has not answered yet. */
export interface Exchange {
  /** The first error in the server's answer. */
  error: FeedError | undefined
  readonly done: PromiseWithResolvers<void>
}

export type LinkPhase =
  | { readonly tag: 'starting' }
  | { readonly tag: 'replacing' }
  | { readonly tag: 'passing' }
  | { readonly tag: 'relaying'; readonly exchange: Exchange }
  | {
      readonly tag: 'asking'
      readonly exchange: Exchange
      /** The rows of the answer so far. */
      readonly rows: (string | null)[][]
      /** Called for each notice in the answer. */
      readonly noticed: ((message: string) => void) | undefined
    }
  | { readonly tag: 'over' }

/** Makes the step to another phase; the table says which phases may follow a phase. */
export const followLink = stepsOf<LinkPhase>({
  starting: ['passing', 'over'],
  replacing: ['passing', 'over'],
  // A ReadyForQuery that the client sees leaves the phase as it is.
  passing: ['passing', 'relaying', 'asking', 'over'],
  relaying: ['passing', 'over'],
  asking: ['passing', 'over'],
  over: [],
})

/** The client sees the answers of the server. Called for each message, so it compares and allocates nothing. */
export function showsAnswers({ tag }: LinkPhase): boolean {
  return tag === 'passing' || tag === 'relaying' || tag === 'starting'
}

/** The client sees what the server says of its own accord. */
export function showsAsides({ tag }: LinkPhase): boolean {
  return tag !== 'replacing' && tag !== 'over'
}

export function exchangeOf(phase: LinkPhase): Exchange | undefined {
  return phase.tag === 'asking' || phase.tag === 'relaying' ? phase.exchange : undefined
}
