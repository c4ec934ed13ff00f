// The phases of a client's session. The phase decides what happens to the messages of the client.
//
//   authenticating ── PostgreSQL lets the client in ──► passing
//
//                  a statement of ours            PostgreSQL asks for COPY data
//   ┌─► passing ──────────────────────► answering ──────────────────────────────► copying
//   │     │                               │   ▲                                     │  │
//   │     │ Terminate                     │   └────────── the data has ended ───────┘  │
//   │     ▼                               │                                            │
//   │   leaving                           │                                            │
//   └──────────────── the statement has answered ◄─────────────────────────────────────┘
//
//   every phase ── the client or the connection to PostgreSQL is gone, the server goes down ──► closed
//
//                   the messages of the client
//   authenticating  are passed on if they answer PostgreSQL's questions; all others wait
//   passing         are judged one by one: passed on, replaced, or answered by us
//   answering       are held back, because a statement of ours, or a query string with one, must answer first
//   copying         are passed on up to the end of the COPY data, which a query string with a statement of ours asked for
//   leaving         are passed on unread; the client still reads the answers to what it sent before Terminate
//   closed          are ignored

import { stepsOf } from '../errors/phase-table.ts'

/** The state while a statement of ours, or a query string with one, answers. */
export interface Answering {
  /** Whether the messages held back were sent after the statement, and not in the same pipeline. */
  isNextLater: boolean
}

export type SessionPhase =
  | { readonly tag: 'authenticating' }
  | { readonly tag: 'passing' }
  | { readonly tag: 'answering'; readonly answering: Answering }
  | { readonly tag: 'copying'; readonly answering: Answering }
  | { readonly tag: 'leaving' }
  | { readonly tag: 'closed' }

/** Returns the next phase, and throws unless the table allows the step to it. */
export const followSession = stepsOf<SessionPhase>({
  authenticating: ['passing', 'closed'],
  passing: ['answering', 'leaving', 'closed'],
  answering: ['passing', 'copying', 'closed'],
  // A failed COPY ends without the end of its data.
  copying: ['passing', 'answering', 'closed'],
  leaving: ['closed'],
  closed: [],
})
