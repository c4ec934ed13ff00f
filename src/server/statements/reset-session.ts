// RESET database, RESET ALL, DISCARD ALL and DEALLOCATE. A pool relies on them to hand a session on as if it were new: the
// next client must not find itself in the database, or with the statements, of the one before.

import type { LocalStatement } from '../../pg-server/local-statement.ts'
import type { Deallocate, ResetSession } from '../../sql/ast.ts'

const commandTags = { database: 'RESET', settings: 'RESET', everything: 'DISCARD ALL' } as const

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
