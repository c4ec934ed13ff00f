// GRANT CHANGEFEED ON [TABLE] table {, table}* TO role {, role}*
// REVOKE CHANGEFEED ON [TABLE] table {, table}* FROM role {, role}*

import { FeedError } from '../../errors/feed-error.ts'
import type { GrantChangefeed, Target } from '../ast.ts'
import { isWord } from '../tokens.ts'
import type { Cursor } from './cursor.ts'

/** Parses what follows GRANT CHANGEFEED or REVOKE CHANGEFEED. Without ON the statement is about the role `changefeed`, and is PostgreSQL's. */
export function parseGrantChangefeed(cursor: Cursor, verb: GrantChangefeed['verb']): GrantChangefeed | undefined {
  if (!cursor.accept('on')) return undefined
  cursor.accept('table')
  const hint = `${verb.toUpperCase()} CHANGEFEED ON TABLE t ${verb === 'grant' ? 'TO' : 'FROM'} role`
  const targets: Target[] = []
  do {
    const { position, offset } = cursor
    const parts = cursor.dotted()
    targets.push({ parts, family: undefined, text: cursor.textBetween(offset, cursor.lastEnd), position })
  } while (cursor.acceptOp(','))
  cursor.expect(verb === 'grant' ? 'to' : 'from', hint)
  const roles: (string | undefined)[] = []
  do roles.push(isWord(cursor.next, 'public') ? (cursor.take(), undefined) : cursor.name())
  while (cursor.acceptOp(','))
  cursor.expectEnd(hint)
  return { tag: 'grant-changefeed', verb, targets, roles }
}

/** Refuses ALTER DEFAULT PRIVILEGES with CHANGEFEED. */
export function refuseDefaultPrivileges(cursor: Cursor): undefined {
  while (cursor.next !== undefined) {
    if (cursor.accept('changefeed', 'on')) {
      throw new FeedError('FEED_UNSUPPORTED', 'CHANGEFEED is no default privilege here', {
        position: cursor.position + 1,
        hint: 'GRANT changefeed TO role lets it create changefeeds on every table that it may SELECT from',
      })
    }
    cursor.take()
  }
}
