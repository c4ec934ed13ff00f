// Insert: 'I' u32 relation 'N' tuple

import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { oldTag } from './old-kind.ts'
import { readLastTuple } from './tuple.ts'

export function readInsert(bytes: Buffer, at: number, end: number, relation: RelationSchema, row: RowView): void {
  if (at + 6 > end || bytes[at + 5] !== oldTag.new) throw new FeedError('FEED_DECODE', 'an insert without a new row')
  readLastTuple(bytes, at + 6, end, relation, row)
}
