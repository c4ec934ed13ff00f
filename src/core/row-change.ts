// One change to emit, as an encoder gets it. A feed has a single object of this type and fills it again for each row, so an
// encoder must not keep it after the call.

import type { RelationSchema } from './relation.ts'
import { copyRow, type RowView } from './row-view.ts'

export interface RowChange {
  relation: RelationSchema
  /** Index into `FeedSpec.targets`; names the topic. */
  topic: number
  /** Contains the key columns: the same view as `after`, or the old tuple of a delete. */
  key: RowView
  /** The row after the change; undefined for a delete. */
  after: RowView | undefined
  /** The row before the transaction; undefined if there was none, or if the feed does not need it. */
  before: RowView | undefined
  /** `<wall>.<logical>` of the change, ASCII: formatted once per transaction, not per row. */
  updated: Buffer
  /** The row version's own commit time in the same form (differs from `updated` only in scans). */
  mvcc: Buffer
  /** When the change was committed, in ms since 1970, for metrics; NaN: it is a row of a scan. */
  committedMs: number
  /** The schema that the encoder has prepared for the relation: the number that `Encoder.prepare` returned. */
  schema: number
}

/** Copies a change together with its rows and timestamps, so that the copy stays valid. */
export function copyChange(change: RowChange): RowChange {
  const { key, after, before, updated, mvcc } = change
  const keyCopy = copyRow(key)
  return {
    ...change,
    key: keyCopy,
    after: after === key ? keyCopy : after && copyRow(after),
    before: before && copyRow(before),
    updated: Buffer.from(updated),
    mvcc: Buffer.from(mvcc),
  }
}
