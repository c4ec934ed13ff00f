// Update: 'U' u32 relation ['K' tuple | 'O' tuple] 'N' tuple
// PostgreSQL sends 'K' only if the key changed, and 'O' with REPLICA IDENTITY FULL.

import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { oldTag, type OldKind } from './old-kind.ts'
import { readLastTuple, readTuple } from './tuple.ts'

export function readUpdate(
  bytes: Buffer,
  at: number,
  end: number,
  relation: RelationSchema,
  old: RowView,
  row: RowView,
): OldKind {
  let next = at + 5
  let oldKind: OldKind = 'none'
  const tag = next < end ? bytes[next] : undefined
  if (tag === oldTag.key || tag === oldTag.full) {
    oldKind = tag === oldTag.key ? 'key' : 'full'
    next = readTuple(bytes, next + 1, end, relation, old)
  }
  if (next >= end || bytes[next] !== oldTag.new) throw new FeedError('FEED_DECODE', 'an update without a new row')
  readLastTuple(bytes, next + 1, end, relation, row)
  return oldKind
}
