// RESET [SESSION] DATABASE
// RESET ALL
// DISCARD ALL
// DEALLOCATE [PREPARE] (name | ALL)
//
// All other forms of these statements are only PostgreSQL's.

import type { Deallocate, ResetSession } from '../ast.ts'
import type { Cursor } from './cursor.ts'

/** Parses what follows RESET. */
export function parseReset(cursor: Cursor): ResetSession | undefined {
  return cursor.accept('all') && cursor.next === undefined ? { tag: 'reset-session', what: 'settings' } : undefined
}

/** Parses what follows RESET DATABASE, a statement of CockroachDB's dialect. */
export function parseResetDatabase(cursor: Cursor): ResetSession {
  cursor.expectEnd()
  return { tag: 'reset-session', what: 'database' }
}

/** Parses what follows DISCARD. */
export function parseDiscard(cursor: Cursor): ResetSession | undefined {
  return cursor.accept('all') && cursor.next === undefined ? { tag: 'reset-session', what: 'everything' } : undefined
}

/** Parses what follows DEALLOCATE. */
export function parseDeallocate(cursor: Cursor): Deallocate | undefined {
  cursor.accept('prepare')
  if (cursor.accept('all')) return cursor.next === undefined ? { tag: 'deallocate', name: undefined } : undefined
  const token = cursor.next
  if (token?.tag !== 'word' && token?.tag !== 'quoted') return undefined
  const name = cursor.name()
  return cursor.next === undefined ? { tag: 'deallocate', name } : undefined
}
