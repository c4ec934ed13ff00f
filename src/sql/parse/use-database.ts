// SET [SESSION] DATABASE ('=' | TO) (name | string | DEFAULT)
// USE (name | string)
// DROP DATABASE [IF EXISTS] name …

import type { DropDatabase, ResetSession, UseDatabase } from '../ast.ts'
import type { Cursor } from './cursor.ts'

/** Parses what follows SET DATABASE. */
export function parseSetDatabase(cursor: Cursor): UseDatabase | ResetSession {
  if (!cursor.acceptOp('=')) cursor.expect('to')
  if (cursor.accept('default')) {
    cursor.expectEnd()
    return { tag: 'reset-session', what: 'database' }
  }
  return parseUse(cursor)
}

/** Parses what follows USE. */
export function parseUse(cursor: Cursor): UseDatabase {
  const { position } = cursor
  const name = cursor.next?.tag === 'string' ? cursor.take().text : cursor.name()
  cursor.expectEnd()
  return { tag: 'use-database', name, position }
}

/** Parses what follows DROP DATABASE. What follows the name is PostgreSQL's. */
export function parseDropDatabase(cursor: Cursor): DropDatabase | undefined {
  cursor.accept('if', 'exists')
  const token = cursor.next
  if (token?.tag !== 'word' && token?.tag !== 'quoted') return undefined
  return { tag: 'drop-database', name: cursor.name() }
}
