// SET [SESSION] DATABASE ('=' | TO) (name | string)
// USE (name | string)
// DROP DATABASE [IF EXISTS] name …

import type { DropDatabase, UseDatabase } from '../ast.ts'
import type { Cursor } from './cursor.ts'

/** Behind SET DATABASE. */
export function parseSetDatabase(cursor: Cursor): UseDatabase {
  if (!cursor.acceptOp('=')) cursor.expect('to')
  return parseUse(cursor)
}

/** Behind USE. */
export function parseUse(cursor: Cursor): UseDatabase {
  const { position } = cursor
  const name = cursor.next?.tag === 'string' ? cursor.take().text : cursor.name()
  cursor.expectEnd()
  return { tag: 'use-database', name, position }
}

/** Behind DROP DATABASE. What follows the name is PostgreSQL's. */
export function parseDropDatabase(cursor: Cursor): DropDatabase | undefined {
  cursor.accept('if', 'exists')
  const token = cursor.next
  if (token?.tag !== 'word' && token?.tag !== 'quoted') return undefined
  return { tag: 'drop-database', name: cursor.name() }
}
