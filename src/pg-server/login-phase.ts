// The phases of a login: PostgreSQL asks the client through the front, and the front passes on what both say. It keeps nothing of it.
//
//              a password, or md5                 PostgreSQL lets the client in
//   waiting ──────────────────────► asked ──────────────────────────────► done
//    │   │                                                                 ▲ ▲
//    │   └── SASL ──► offered ── the client has chosen ──► proving ────────┘ │
//    └──────────────────────── nothing is asked ─────────────────────────────┘
//
//              what the client may say
//   waiting    nothing yet
//   asked      its password
//   offered    which mechanism it takes; the front reads how it binds it to TLS
//   proving    what the mechanism needs
//   done       everything: the session begins

import { stepsOf } from '../errors/phase-table.ts'

export type LoginPhase =
  | { readonly tag: 'waiting' }
  | { readonly tag: 'asked' }
  /** `isCut`: the front has taken the offer of channel binding away. */
  | { readonly tag: 'offered'; readonly isCut: boolean }
  | { readonly tag: 'proving' }
  | { readonly tag: 'done' }

/** Returns the next phase, and throws unless the table allows the step to it. */
export const followLogin = stepsOf<LoginPhase>({
  waiting: ['asked', 'offered', 'done'],
  asked: ['done'],
  offered: ['proving'],
  proving: ['proving', 'done'],
  done: [],
})
