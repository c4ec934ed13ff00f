// The phases of a client's session. The phase says what becomes of the messages that the client sends.
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
//              what the client sends
//   passing    is judged message by message: passed on, replaced, or answered by us
//   answering  is held back: a statement of ours, or a query string with one, answers first
//   copying    is passed on up to the end of the COPY data, which a query string with a statement of ours asked for
//   leaving    is passed on unread; the client still reads the answers to what it sent before Terminate
//   closed     is ignored

import { stepsOf } from '../errors/phase-table.ts'

/** A statement of ours, or a query string with one, that has its turn. */
export interface Answering {
  /** What is held back was not sent together with the statement, so the client has not asked for it in advance. */
  isNextLater: boolean
}

export type SessionPhase =
  | { readonly tag: 'passing' }
  | { readonly tag: 'answering'; readonly answering: Answering }
  | { readonly tag: 'copying'; readonly answering: Answering }
  | { readonly tag: 'leaving' }
  | { readonly tag: 'closed' }

/** Makes the step to another phase; the table says which phases may follow a phase. */
export const followSession = stepsOf<SessionPhase>({
  passing: ['answering', 'leaving', 'closed'],
  answering: ['passing', 'copying', 'closed'],
  // A failed COPY ends without the end of its data.
  copying: ['passing', 'answering', 'closed'],
  leaving: ['closed'],
  closed: [],
})
