// The statements that change the session: USE and SET DATABASE, and RESET database, RESET ALL, DISCARD ALL and DEALLOCATE.
// Connection pools use the latter to reuse a session: the next client must not get the database, or the prepared statements,
// of the previous client.

import type { LocalStatement } from '../../pg-server/local-statement.ts'
import type { Deallocate, ResetSession, UseDatabase } from '../../sql/ast.ts'

const commandTags = { database: 'RESET', settings: 'RESET', everything: 'DISCARD ALL' } as const

export function useDatabase({ name }: UseDatabase): LocalStatement {
  return {
    async run({ session }) {
      await session.switchDatabase(name)
      return 'SET'
    },
  }
}

export function resetSession({ what }: ResetSession): LocalStatement {
  return {
    async run({ session }) {
      await session.reset(what)
      return commandTags[what]
    },
  }
}

export function deallocate({ name }: Deallocate): LocalStatement {
  return {
    async run({ session }) {
      await session.deallocate(name)
      return name === undefined ? 'DEALLOCATE ALL' : 'DEALLOCATE'
    },
  }
}
