// SET [SESSION] DATABASE ('=' | TO) (name | string)
// USE (name | string)

import type { UseDatabase } from '../ast.ts'
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
