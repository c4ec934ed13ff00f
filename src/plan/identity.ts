// Finds the tables that must get REPLICA IDENTITY FULL, without which PostgreSQL logs, for an UPDATE, neither the old row nor
// the out-of-line values that did not change. A feed promises complete rows, and never guesses a value.

import { FeedError } from '../errors/feed-error.ts'
import type { TargetFacts } from './catalogue.ts'
import { qualified } from './targets.ts'

export interface IdentityChange {
  readonly relid: number
  /** The statement to run in the feed's database, as a role that owns the table, before the table is first watched. */
  readonly sql: string
  /** The table is a leaf of this target. */
  readonly leafOf?: number | undefined
}

/** What the rule depends on. */
export type IdentityFacts = Pick<
  TargetFacts,
  'relid' | 'schema' | 'name' | 'identity' | 'deferrableKey' | 'outOfLine'
> & {
  readonly columns: readonly Pick<TargetFacts['columns'][number], 'name' | 'generated'>[]
  readonly keyIsIdentity?: boolean
}

export function identityChange(table: IdentityFacts, diff: boolean): IdentityChange | undefined {
  const needsFull =
    diff ||
    table.outOfLine ||
    table.identity === 'n' ||
    (table.identity === 'i' && table.keyIsIdentity !== true) ||
    table.deferrableKey
  const virtual = table.columns.find((column) => column.generated === 'v')
  if (virtual !== undefined && (needsFull || table.identity === 'f')) throw hasVirtual(table.name, virtual.name)
  if (!needsFull || table.identity === 'f') return undefined
  return { relid: table.relid, sql: `ALTER TABLE ${qualified(table)} REPLICA IDENTITY FULL` }
}

/** The identities that a changefeed needs of a target: of the table, or of the leaves of a partitioned table. */
export function identityChanges(table: TargetFacts, diff: boolean): readonly IdentityChange[] {
  if (table.partitions === null) {
    const change = identityChange(table, diff)
    return change === undefined ? [] : [change]
  }
  // It has no rows itself. Its own identity says of partitions to come that they need FULL, too.
  const own = { relid: table.relid, sql: `ALTER TABLE ONLY ${qualified(table)} REPLICA IDENTITY FULL` }
  const changes: IdentityChange[] = diff && table.identity !== 'f' ? [own] : []
  for (const leaf of table.partitions) {
    if (leaf.kind === 'p') continue
    const logsKey = table.primaryKey.every((column) => leaf.identityColumns.includes(column))
    const needsFull = diff || table.identity === 'f' || leaf.outOfLine || !logsKey
    if (leaf.virtualColumn !== null && (needsFull || leaf.identity === 'f')) {
      throw hasVirtual(leaf.name, leaf.virtualColumn)
    }
    if (needsFull && leaf.identity !== 'f') {
      const sql = `ALTER TABLE ONLY ${qualified(leaf)} REPLICA IDENTITY FULL`
      changes.push({ relid: leaf.relid, leafOf: table.relid, sql })
    }
  }
  return changes
}

/** Under FULL, PostgreSQL 18 refuses every UPDATE and DELETE of a published table with such a column. */
function hasVirtual(table: string, column: string): FeedError {
  return new FeedError(
    'FEED_TARGET',
    `table "${table}" cannot be watched: it needs REPLICA IDENTITY FULL and has the virtual generated column "${column}"`,
    { hint: `PostgreSQL would refuse its UPDATEs; make the column STORED, or drop it` },
  )
}
