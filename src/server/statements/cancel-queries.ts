// CANCEL QUERY and CANCEL QUERIES, for the statements that SHOW QUERIES lists.

import { FeedError } from '../../errors/feed-error.ts'
import type { LocalCall, LocalStatement } from '../../pg-server/local-statement.ts'
import type { CancelQueries } from '../../sql/ast.ts'
import { currentUser } from './current-user.ts'
import { textOf } from '../../plan/read-options.ts'
import { typeOids } from '../../wire/type-oids.ts'
import type { ServerParts } from '../server-parts.ts'
import { selectIds, selectParameterTypes } from './select-ids.ts'
import { backendPrefix } from './show-queries.ts'

const maxPid = 0x7fffffff

export function cancelQueries(statement: CancelQueries, context: ServerParts): LocalStatement {
  return {
    parameterTypes:
      statement.select !== undefined
        ? selectParameterTypes(statement.select)
        : statement.id?.tag === 'placeholder'
          ? [typeOids.text]
          : [],
    async run(call) {
      const ids =
        statement.id === undefined
          ? await selectIds(statement.select ?? '', call, { context, what: 'the ids of queries' })
          : [textOf(statement.id, call.parameters) ?? '']
      if (!statement.isMany && ids.length > 1) {
        throw new FeedError('FEED_STATE', `CANCEL QUERY takes one id, and the query gives ${ids.length}`, {
          sqlstate: '21000',
          hint: 'CANCEL QUERIES SELECT … cancels them all',
        })
      }
      let canceled = 0
      for (const id of ids) {
        if (await cancel(id, call, context)) canceled++
        else if (!statement.ifExists) {
          throw new FeedError('FEED_STATE', `could not cancel query ${id}: query ID ${id} not found`, {
            sqlstate: '42704',
          })
        }
      }
      return `CANCEL QUERIES ${canceled}`
    },
  }
}

async function cancel(id: string, { session }: LocalCall, { running, rights }: ServerParts): Promise<boolean> {
  const pid = new RegExp(`^${backendPrefix}(\\d+)$`).exec(id)?.[1]
  if (pid === undefined) {
    const found = running.all.find((statement) => statement.id === id)
    if (found === undefined) return false
    const user = await currentUser(session.queryBackend)
    const owner = found.session.user
    if (await rights.mayCancelQuery(user, owner)) return running.cancel(id)
    throw new FeedError('FEED_PRIVILEGE', `user ${user} may not cancel the queries of user ${owner}`, {
      hint: 'its user, members of that role and admins may; CANCELQUERY (pg_signal_backend) is for the queries of all but superusers',
    })
  }
  if (Number(pid) > maxPid) return false
  const rows = await session.queryBackend(`SELECT pg_catalog.pg_cancel_backend(${pid})`)
  return rows[0]?.[0] === 't'
}
