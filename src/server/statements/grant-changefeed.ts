// GRANT and REVOKE CHANGEFEED ON TABLE: who may make jobs of a table's changes. PostgreSQL has no such privilege, so it is
// kept here. Only admins give it, not the table's owner: whoever has it makes the server connect to other machines.

import { FeedError } from '../../errors/feed-error.ts'
import type { LocalStatement } from '../../pg-server/local-statement.ts'
import { resolveTargets } from '../../plan/catalogue.ts'
import type { GrantChangefeed } from '../../sql/ast.ts'
import { catalogueQueries, currentUser } from './catalogue-queries.ts'
import type { ServerParts } from '../server-parts.ts'
import { requireAdmin } from './require-admin.ts'

export function grantChangefeed({ verb, targets, roles }: GrantChangefeed, context: ServerParts): LocalStatement {
  return {
    async run({ session, notice }) {
      const { rights, backend } = context
      const user = await currentUser(session)
      const word = verb.toUpperCase()
      await requireAdmin(rights, user, `only admins may ${word} CHANGEFEED`)
      for (const role of roles) {
        if (role === undefined || (await rights.hasRole(role))) continue
        throw new FeedError('FEED_STATE', `role "${role}" does not exist`, { sqlstate: '42704' })
      }
      const found = await resolveTargets(targets, session.database, catalogueQueries(session, backend.source, user))
      const tables = found.targets.map((table, i) => {
        if (table.tag === 'table') return table
        const position = (targets[i]?.position ?? 0) + 1
        throw new FeedError('FEED_NO_TABLE', `table "${targets[i]?.text}" does not exist`, { position })
      })
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
