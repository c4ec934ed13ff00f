// CREATE (ROLE | USER) name [WITH] … CONTROLCHANGEFEED …
// ALTER (ROLE | USER) name [WITH] [NO]CONTROLCHANGEFEED {…}
// GRANT SYSTEM CONTROLJOB {, …} TO role {, role}* | REVOKE SYSTEM … FROM …
//
// Each of these options of CockroachDB becomes membership in a role, ours or PostgreSQL's. All other forms of these statements are
// only PostgreSQL's.

import { nearestName } from '../../core/nearest-name.ts'
import { quoteName } from '../../core/quote.ts'
import type { RoleOptions } from '../ast.ts'
import { isOp, isWord } from '../tokens.ts'
import type { Cursor } from './cursor.ts'

const roleOf: ReadonlyMap<string, string> = new Map([
  ['controlchangefeed', 'changefeed'],
  ['createchangefeed', 'changefeed'],
  ['controljob', 'controljob'],
  ['viewjob', 'viewjob'],
  // These roles are PostgreSQL's own.
  ['viewactivity', 'pg_read_all_stats'],
  ['cancelquery', 'pg_signal_backend'],
])

/** Words that are followed by a name and not by an option. */
const beforeNames = ['role', 'group', 'admin', 'user', 'password', 'until', 'limit'] as const

interface RoleOption {
  readonly role: string
  readonly isGranted: boolean
}

/** Parses what follows CREATE ROLE or CREATE USER; `start` is the offset of the statement. */
export function parseCreateRole(cursor: Cursor, start: number): RoleOptions | undefined {
  if (!isName(cursor)) return undefined
  cursor.take()
  const kept: string[] = []
  const roles = new Set<string>()
  let from = start
  let isOurs = false
  let isInRole = false
  for (let previous = cursor.next; cursor.next !== undefined;) {
    const option = optionAt(cursor)
    const isNamed = isOp(previous, ',') || beforeNames.some((word) => isWord(previous, word))
    if (isWord(previous, 'in') && (isWord(cursor.next, 'role') || isWord(cursor.next, 'group'))) isInRole = true
    const { offset } = cursor
    previous = cursor.take()
    if (option === undefined || isNamed) continue
    isOurs = true
    kept.push(cursor.textBetween(from, offset))
    from = cursor.lastEnd
    if (option.isGranted) roles.add(option.role)
  }
  if (!isOurs) return undefined
  if (isInRole && roles.size > 0) throw cursor.syntaxError(`without it first, then GRANT ${[...roles].join(', ')} TO …`)
  const membership = roles.size > 0 ? ` IN ROLE ${[...roles].join(', ')}` : ''
  const sql = `${kept.join('')}${cursor.textBetween(from, cursor.lastEnd)}${membership}`
  return { tag: 'role-options', roles: [...roles], sql }
}

/** Parses what follows ALTER ROLE or ALTER USER. */
export function parseAlterRole(cursor: Cursor): RoleOptions | undefined {
  if (!isName(cursor)) return undefined
  const name = cursor.name()
  cursor.accept('with')
  const first = optionAt(cursor)
  if (first === undefined) return undefined
  const roles: string[] = []
  while (cursor.next !== undefined) {
    const option = optionAt(cursor)
    if (option?.isGranted !== first.isGranted) {
      throw cursor.syntaxError('one statement gives or takes such options, and other options are given by another')
    }
    cursor.take()
    roles.push(option.role)
  }
  return membership(first.isGranted, roles, [quoteName(name)])
}

/** Parses what follows GRANT SYSTEM or REVOKE SYSTEM. */
export function parseSystemPrivilege(cursor: Cursor, isGranted: boolean): RoleOptions {
  const systemPrivileges = ['controljob', 'viewjob', 'viewactivity', 'cancelquery']
  const hint = `the system privileges are CONTROLJOB, VIEWJOB, VIEWACTIVITY and CANCELQUERY`
  const roles: string[] = []
  do {
    const option = optionAt(cursor)
    if (option?.isGranted !== true) {
      const word = cursor.next?.tag === 'word' ? cursor.next.text.toLowerCase() : ''
      const meant = nearestName(word, systemPrivileges)
      throw cursor.syntaxError(meant === undefined ? hint : `did you mean ${meant.toUpperCase()}? ${hint}`)
    }
    cursor.take()
    roles.push(option.role)
  } while (cursor.acceptOp(','))
  cursor.expect(isGranted ? 'to' : 'from')
  const names = [quoteName(cursor.name())]
  while (cursor.acceptOp(',')) names.push(quoteName(cursor.name()))
  cursor.expectEnd()
  return membership(isGranted, roles, names)
}

function membership(isGranted: boolean, roles: readonly string[], names: readonly string[]): RoleOptions {
  const [list, to] = [[...new Set(roles)].join(', '), names.join(', ')]
  return { tag: 'role-options', roles, sql: isGranted ? `GRANT ${list} TO ${to}` : `REVOKE ${list} FROM ${to}` }
}

function isName(cursor: Cursor): boolean {
  return cursor.next?.tag === 'word' || cursor.next?.tag === 'quoted'
}

function optionAt({ next }: Cursor): RoleOption | undefined {
  if (next?.tag !== 'word') return undefined
  const word = next.text.toLowerCase()
  const isGranted = roleOf.has(word)
  const role = roleOf.get(isGranted ? word : word.replace(/^no/, ''))
  return role === undefined ? undefined : { role, isGranted }
}
