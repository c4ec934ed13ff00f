// SHOW [ALL] [CLUSTER | LOCAL | SESSION] (QUERIES | STATEMENTS)
// CANCEL QUERY [IF EXISTS] (value | '(' select ')')
// CANCEL QUERIES [IF EXISTS] select

import type { CancelQueries, ShowQueries } from '../ast.ts'
import { isOp, isWord } from '../tokens.ts'
import type { Cursor } from './cursor.ts'

export function parseShowQueries(cursor: Cursor): ShowQueries {
  cursor.expectEnd()
  return { tag: 'show-queries' }
}

const selects = ['select', 'with', 'values', 'table'] as const

/** Parses what follows CANCEL. */
export function parseCancelQueries(cursor: Cursor): CancelQueries {
  const { position } = cursor
  const isMany = cursor.accept('queries')
  if (!isMany) cursor.expect('query', "CANCEL QUERY 'id' or CANCEL QUERIES SELECT …")
  const ifExists = isWord(cursor.next, 'if') && isWord(cursor.peek(1), 'exists')
  if (ifExists) {
    cursor.take()
    cursor.take()
  }
  const head = { tag: 'cancel-queries', isMany, ifExists, position } as const
  if (isMany && cursor.next === undefined) {
    throw cursor.syntaxError('CANCEL QUERIES SELECT query_id FROM [SHOW QUERIES] WHERE …')
  }
  const first = isOp(cursor.next, '(') ? cursor.peek(1) : cursor.next
  if (isMany || isOp(first, '(') || selects.some((word) => isWord(first, word))) {
    return { ...head, id: undefined, select: cursor.rest() }
  }
  const id = cursor.value()
  cursor.expectEnd()
  return { ...head, id, select: undefined }
}
