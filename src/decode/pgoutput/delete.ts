// Delete: 'D' u32 relation ('K' tuple | 'O' tuple)

import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { oldTag, type OldKind } from './old-kind.ts'
import { readLastTuple } from './tuple.ts'

export function readDelete(bytes: Buffer, at: number, end: number, relation: RelationSchema, old: RowView): OldKind {
  const tag = at + 5 < end ? bytes[at + 5] : undefined
  if (tag !== oldTag.key && tag !== oldTag.full) throw new FeedError('FEED_DECODE', 'a delete without an old row')
  readLastTuple(bytes, at + 6, end, relation, old)
  return tag === oldTag.key ? 'key' : 'full'
}
