// ALTER EVENT TRIGGER name …

import type { AlterEventTrigger } from '../ast.ts'
import type { Cursor } from './cursor.ts'

/** Parses what follows ALTER EVENT TRIGGER. What follows the name is PostgreSQL's. */
export function parseAlterEventTrigger(cursor: Cursor): AlterEventTrigger | undefined {
  const token = cursor.next
  if (token?.tag !== 'word' && token?.tag !== 'quoted') return undefined
  const { position } = cursor
  const name = cursor.name()
  return name.startsWith('pg_changefeed_') ? { tag: 'alter-event-trigger', name, position } : undefined
}
