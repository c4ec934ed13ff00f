// Tables as statements name them, and the tables that hold their rows.

import { shownName } from '../core/quote.ts'
import { identityChange } from '../plan/identity.ts'
import type { HeapFact, TableFacts } from './facts/read-tables.ts'

/** `schema.table`, with quotes where they are needed. */
export function tableName({ schema, name }: Pick<HeapFact, 'schema' | 'name'>): string {
  return `${shownName(schema)}.${shownName(name)}`
}

/** The tables that hold its rows. */
export function heapsOf(table: TableFacts): readonly HeapFact[] {
  return table.kind === 'p' ? table.leaves : [table]
}

/** Those whose replica identity a changefeed needs changed to FULL. Throws where that cannot be. */
export function heapsToChange(table: TableFacts, diff: boolean): readonly HeapFact[] {
  return heapsOf(table).filter(
    (heap) => heap.kind === 'r' && identityChange({ ...heap, columns: table.columns }, diff) !== undefined,
  )
}
