// With the policy `stop`, a feed ends at each schema change and says at which time, and a new feed from there on goes past it.
// That time is the one of the change, S, when its transaction has written no row of the feed's tables, and else the one just
// before it, so that the rows of the transaction come from the new feed. A feed that starts just before S does not end at S.

import { compareHlc, formatHlc, prevHlc, type Hlc } from '../../src/core/hlc.ts'
import { speaksOf } from '../history/schema-ledger.ts'
import type { TimedSchema, TransactionTimes } from '../history/transaction-times.ts'
import type { SchemaOptions } from './backfill.ts'

export interface StopsOptions extends SchemaOptions {
  readonly times: TransactionTimes
  /** The only one of the feed's tables that is changed. */
  readonly table: string
  /** What the errors of the feeds said. */
  readonly stops: readonly Hlc[]
  /** The cursors of all feeds. */
  readonly cursors: readonly Hlc[]
  /** Every feed has come so far. */
  readonly resolved: Hlc
}

export function judgeStops({
  times,
  table,
  events,
  policy,
  stops,
  cursors,
  resolved,
}: StopsOptions): readonly string[] {
  const changes = times.schemaChanges(table)
  const failures: string[] = []
  for (const stop of stops) {
    const change = changes.find((candidate) => isOf(stop, candidate, times))
    if (policy !== 'stop' || change === undefined || speaksOf(events, change.reach) === 'no')
      failures.push(`a feed stopped at ${formatHlc(stop)}, and there was no schema change`)
  }
  if (policy !== 'stop') return failures
  for (const change of changes) {
    const least = change.ts ?? times.timeAfter(change.position)
    if (least === undefined || compareHlc(least, resolved) > 0 || speaksOf(events, change.reach) !== 'yes') continue
    if (![...stops, ...cursors].some((at) => isOf(at, change, times)))
      failures.push(`no feed stopped at schema change ${change.position}, before ${formatHlc(least)}`)
  }
  return failures
}

/** Whether a feed that stopped at the change may have said so. */
function isOf(at: Hlc, { ts, position }: TimedSchema, times: TransactionTimes): boolean {
  if (ts !== undefined) return compareHlc(at, prevHlc(ts)) === 0
  const [before, next] = [times.timeBefore(position), times.timeAfter(position)]
  return before !== undefined && next !== undefined && compareHlc(at, before) > 0 && compareHlc(at, next) < 0
}
