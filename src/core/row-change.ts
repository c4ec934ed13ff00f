// One change to emit, as the feed shows it to an encoder. The feed keeps a single object and fills it again for each
// row: an encoder reads it during the call and keeps nothing.

import type { RelationSchema } from './relation.ts'
import type { RowView } from './row-view.ts'

export interface RowChange {
  relation: RelationSchema
  /** Index into `FeedSpec.targets`; names the topic. */
  topic: number
  /** Where the key columns are read: `after`, or the old tuple of a delete. */
  key: RowView
  /** The row after the change; undefined for a delete. */
  after: RowView | undefined
  /** The row before the transaction; undefined when there was none, or when the feed did not ask for it. */
  before: RowView | undefined
  /** `<wall>.<logical>` of the change, ASCII: formatted once per transaction, not per row. */
  updated: Buffer
  /** The row version's own commit time in the same form (differs from `updated` only in scans). */
  mvcc: Buffer
}
