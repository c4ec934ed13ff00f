// SET DATABASE and USE: the session continues in another database.

import type { LocalStatement } from '../../pg-server/local-statement.ts'
import type { UseDatabase } from '../../sql/ast.ts'

export function useDatabase({ name }: UseDatabase): LocalStatement {
  return {
    async run({ session }) {
      await session.switchDatabase(name)
      return 'SET'
    },
  }
}
