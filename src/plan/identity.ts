// Finds the tables that must get REPLICA IDENTITY FULL, without which PostgreSQL logs, for an UPDATE, neither the old row nor
// the out-of-line values that did not change. A feed promises complete rows, and never guesses a value.

import { FeedError } from '../errors/feed-error.ts'
import type { TargetFacts } from './catalogue.ts'
import { qualified } from './targets.ts'

export interface IdentityChange {
  readonly relid: number
  /** The statement to run in the feed's database, as a role that owns the table, before the table is first watched. */
  readonly sql: string
}

/** What the rule depends on. */
export type IdentityFacts = Pick<
  TargetFacts,
  'relid' | 'schema' | 'name' | 'identity' | 'deferrableKey' | 'outOfLine'
> & { readonly columns: readonly Pick<TargetFacts['columns'][number], 'name' | 'generated'>[] }

export function identityChange(table: IdentityFacts, diff: boolean): IdentityChange | undefined {
  const needsFull = diff || table.outOfLine || table.identity === 'n' || table.identity === 'i' || table.deferrableKey
  // Under FULL, PostgreSQL 18 refuses every UPDATE and DELETE of a published table with such a column.
  const virtual = table.columns.find((column) => column.generated === 'v')
  if (virtual !== undefined && (needsFull || table.identity === 'f')) {
    throw new FeedError(
      'FEED_TARGET',
      `table "${table.name}" cannot be watched: it needs REPLICA IDENTITY FULL and has the virtual generated column "${virtual.name}"`,
      { hint: `PostgreSQL would refuse its UPDATEs; make the column STORED, or drop it` },
    )
  }
  if (!needsFull || table.identity === 'f') return undefined
  return { relid: table.relid, sql: `ALTER TABLE ${qualified(table)} REPLICA IDENTITY FULL` }
}
