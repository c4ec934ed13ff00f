// UNWATCH (TABLE | TABLES) table {, table}*
// UNWATCH DATABASE [name]

import type { Target, Unwatch } from '../ast.ts'
import type { Cursor } from './cursor.ts'

const hint = 'UNWATCH TABLE t gives a table back that no changefeed needs; UNWATCH DATABASE all of a database'

/** Parses what follows UNWATCH. */
export function parseUnwatch(cursor: Cursor): Unwatch {
  const { position } = cursor
  if (cursor.accept('database')) {
    const database = cursor.next === undefined ? undefined : cursor.name()
    cursor.expectEnd(hint)
    return { tag: 'unwatch', what: { tag: 'database', name: database }, position }
  }
  if (!cursor.accept('tables')) cursor.expect('table', hint)
  const targets: Target[] = []
  do {
    const { position: at, offset } = cursor
    const parts = cursor.dotted()
    targets.push({ parts, family: undefined, text: cursor.textBetween(offset, cursor.lastEnd), position: at })
  } while (cursor.acceptOp(','))
  cursor.expectEnd(hint)
  return { tag: 'unwatch', what: { tag: 'tables', targets }, position }
}
