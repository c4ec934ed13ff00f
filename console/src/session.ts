// Who uses the console, for all its pages.

import { createContext, useContext } from 'react'
import type { SessionAnswer } from '../../src/server/api/answers.ts'

export interface SessionContext {
  readonly session: SessionAnswer
  /** Called when the server says that nobody is logged in any more. */
  readonly loggedOut: () => void
}

export const Session = createContext<SessionContext>({
  session: { needsLogin: false, database: '', version: '' },
  loggedOut: () => undefined,
})

export function useSession(): SessionAnswer {
  return useContext(Session).session
}

export function useLoggedOut(): () => void {
  return useContext(Session).loggedOut
}
