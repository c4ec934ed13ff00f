// Tables as statements name them, and the tables that hold their rows.

import { shownName } from '../core/quote.ts'
import { FeedError } from '../errors/feed-error.ts'
import { identityChanges } from '../plan/identity.ts'
import type { HeapFact, TableFacts } from './facts/read-tables.ts'

/** `schema.table`, with quotes where they are needed. */
export function tableName({ schema, name }: Pick<HeapFact, 'schema' | 'name'>): string {
  return `${shownName(schema)}.${shownName(name)}`
}

/** The tables that hold its rows. */
export function heapsOf(table: TableFacts): readonly HeapFact[] {
  return table.kind === 'p' ? table.leaves : [table]
}

/** Whether a table that holds its rows has REPLICA IDENTITY FULL, or gets it. */
export function isOrGetsFull(table: TableFacts, diff: boolean): boolean {
  if (heapsOf(table).some(({ identity }) => identity === 'f')) return true
  try {
    return identityChanges(table.target, diff).length > 0
  } catch (error) {
    // The check of the identity says why.
    if (error instanceof FeedError) return false
    throw error
  }
}
