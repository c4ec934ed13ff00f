// ALTER DATABASE name (RENAME TO | SET TABLESPACE) …
// CREATE DATABASE name … TEMPLATE ['='] name …
//
// PostgreSQL runs these statements, but only if nobody is connected to the database. So our connections to it are closed first.

import type { MoveDatabase } from '../ast.ts'
import type { Cursor } from './cursor.ts'

/** Parses what follows ALTER DATABASE. */
export function parseAlterDatabase(cursor: Cursor): MoveDatabase | undefined {
  const name = nameAt(cursor)
  if (name === undefined) return undefined
  return cursor.accept('rename', 'to') || cursor.accept('set', 'tablespace')
    ? { tag: 'move-database', name, what: 'altered' }
    : undefined
}

/** Parses what follows CREATE DATABASE. */
export function parseCreateDatabase(cursor: Cursor): MoveDatabase | undefined {
  if (nameAt(cursor) === undefined) return undefined
  while (cursor.next !== undefined) {
    if (!cursor.accept('template')) {
      cursor.take()
      continue
    }
    cursor.acceptOp('=')
    const name = nameAt(cursor)
    // This server never connects to these databases.
    return name === undefined || name === 'template0' || name === 'template1'
      ? undefined
      : { tag: 'move-database', name, what: 'copied' }
  }
  return undefined
}

function nameAt(cursor: Cursor): string | undefined {
  const { next } = cursor
  if (next?.tag === 'string') return cursor.take().text
  return next?.tag === 'word' || next?.tag === 'quoted' ? cursor.take().text : undefined
}
