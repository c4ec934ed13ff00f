// What a feed does at a boundary of the log (follow/follow-log.ts), as its `schema_change_policy` and
// `schema_change_events` say.

import { defaultSchemaChanges, type FeedSpec } from '../../core/feed-spec.ts'
import { compareHlc, formatHlc, nextHlc, prevHlc, type Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Boundary } from '../follow/follow-options.ts'
import type { SchemaChange } from '../follow/schema-changes.ts'
import { significanceOf } from '../follow/significance.ts'
import type { ScannedTarget } from '../scan/scan-request.ts'

export type Reaction =
  /** The feed follows the log as if there was no boundary. */
  | { readonly tag: 'pass' }
  /** The time just before the boundary is saved and resolved, and the feed follows the log. */
  | { readonly tag: 'announce' }
  /** The same, and then the rows of these tables are emitted as of the boundary. */
  | { readonly tag: 'backfill'; readonly tables: readonly ScannedTarget[] }
  /** The same, and then the feed ends with this error. */
  | { readonly tag: 'stop'; readonly error: FeedError }

/** Whether the feed does anything at a boundary. */
export function stopsAtSchemaChange({
  schemaChanges = defaultSchemaChanges,
}: Pick<FeedSpec, 'schemaChanges'>): boolean {
  return schemaChanges.policy === 'backfill' || schemaChanges.policy === 'stop'
}

/** Whether the rows of attached partitions are not read, so that none of their changes may be passed over. */
export function needsEveryChange({ schemaChanges = defaultSchemaChanges }: Pick<FeedSpec, 'schemaChanges'>): boolean {
  return schemaChanges.policy !== 'backfill'
}

/** Whether all rows of a table are emitted as of a transaction that changes it so. */
export function readsRowsAgain(
  change: SchemaChange,
  { schemaChanges = defaultSchemaChanges }: Pick<FeedSpec, 'schemaChanges'>,
): boolean {
  const { before, after } = change
  // Rows without a primary key cannot be told apart. They are read when the table has one again.
  if (schemaChanges.policy !== 'backfill' || after.primaryKey.length === 0 || after.dropped === true) return false
  return significanceOf(change, schemaChanges.events) === 'rows' || before.primaryKey.length === 0
}

export function reactionTo(boundary: Boundary, spec: Pick<FeedSpec, 'schemaChanges' | 'targets' | 'cursor'>): Reaction {
  const { at, changes, attached } = boundary
  const { schemaChanges = defaultSchemaChanges, targets, cursor } = spec
  // The feed ends with this transaction in any case, and the error that says so is the better one.
  if (changes.some(({ after }) => after.dropped === true)) return { tag: 'pass' }
  const isAttached = attached.size > 0
  if (!isAttached && changes.every((change) => significanceOf(change, schemaChanges.events) === 'none'))
    return { tag: 'pass' }
  if (schemaChanges.policy === 'stop') {
    // An earlier feed has stopped here, and the cursor is the one that its error named.
    const isPassed = cursor !== undefined && compareHlc(at, nextHlc(cursor)) === 0
    return isPassed ? { tag: 'pass' } : { tag: 'stop', error: stopped(boundary) }
  }
  const read = new Set(changes.filter((change) => readsRowsAgain(change, spec)).map(({ after }) => after.relid))
  const tables = targets.flatMap((target): readonly ScannedTarget[] => {
    if (read.has(target.relid)) return [target]
    const leaves = [...attached].flatMap(([leaf, root]) => (root === target.relid ? [leaf] : []))
    return leaves.length === 0 ? [] : [{ ...target, leaves }]
  })
  return tables.length === 0 ? { tag: 'announce' } : { tag: 'backfill', tables }
}

function stopped({ at, hasRows }: Boundary): FeedError {
  // With the time of the change itself as its cursor, the next feed would miss the rows that the same transaction has changed.
  const text = formatHlc(hasRows ? prevHlc(at) : at)
  return new FeedError('FEED_SCHEMA_CHANGE', `schema change occurred at ${text}`, {
    hint: `run the CREATE CHANGEFEED statement again with cursor = '${text}': it emits every change after the one that stopped this changefeed`,
  })
}

/** A feed with policy stop has not completed its initial scan, and the rows from before the change cannot be read any more. */
export function stoppedInScan(at: Hlc): FeedError {
  // SHOW JOBS has no hints: the message itself must tell this from the stop after which the time is a cursor.
  const message = `schema change occurred at ${formatHlc(at)}, before the initial scan was complete`
  return new FeedError('FEED_SCHEMA_CHANGE', message, {
    hint: 'run the CREATE CHANGEFEED statement again, without cursor',
  })
}
