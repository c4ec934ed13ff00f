// GRANT and REVOKE CHANGEFEED ON TABLE: the privilege to create jobs that emit the changes of a table. PostgreSQL has no such
// privilege, so we store it. Only admins grant it, not the owner of the table, because a job makes the server connect to
// other machines.

import { FeedError } from '../../errors/feed-error.ts'
import type { LocalStatement } from '../../pg-server/local-statement.ts'
import type { GrantChangefeed } from '../../sql/ast.ts'
import { catalogueQueries, namedTables } from './catalogue-queries.ts'
import type { ServerParts } from '../server-parts.ts'
import { requireAdmin } from './current-user.ts'

export function grantChangefeed({ verb, targets, roles }: GrantChangefeed, context: ServerParts): LocalStatement {
  return {
    async run({ session, notice }) {
      const { rights, backend } = context
      const word = verb.toUpperCase()
      const user = await requireAdmin(session.queryBackend, rights, `only admins may ${word} CHANGEFEED`)
      for (const role of roles) {
        if (role === undefined || (await rights.hasRole(role))) continue
        throw new FeedError('FEED_STATE', `role "${role}" does not exist`, { sqlstate: '42704' })
      }
      const tables = await namedTables(targets, session.database, catalogueQueries(session, backend.source, user))
      if (session.transactionStatus === 'T') {
        notice('WARNING', `${word} CHANGEFEED takes effect at once: a ROLLBACK will not undo it`)
      }
      for (const { database, relid } of tables) {
        for (const grantee of roles) await rights.change(verb, { database, relid, grantee })
      }
      return word
    },
  }
}
