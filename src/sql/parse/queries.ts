// SHOW [ALL] [CLUSTER | LOCAL | SESSION] (QUERIES | STATEMENTS)
// CANCEL QUERY value
// CANCEL QUERIES select

import type { CancelQueries, ShowQueries } from '../ast.ts'
import type { Cursor } from './cursor.ts'

export function parseShowQueries(cursor: Cursor): ShowQueries {
  cursor.expectEnd()
  return { tag: 'show-queries' }
}

/** Behind CANCEL. */
export function parseCancelQueries(cursor: Cursor): CancelQueries {
  const { position } = cursor
  if (cursor.accept('queries')) {
    if (cursor.next === undefined)
      throw cursor.syntaxError('CANCEL QUERIES SELECT query_id FROM [SHOW QUERIES] WHERE …')
    return { tag: 'cancel-queries', id: undefined, select: cursor.rest(), position }
  }
  cursor.expect('query', "CANCEL QUERY 'id' or CANCEL QUERIES SELECT …")
  const id = cursor.value()
  cursor.expectEnd()
  return { tag: 'cancel-queries', id, select: undefined, position }
}
