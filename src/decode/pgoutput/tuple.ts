// TupleData: u16 columns, then for each a kind byte and, for text, u32 length and bytes.
//
//   'n' NULL    'u' unchanged out-of-line value    't' text
//
// Offsets are checked against the end of the message, so that a damaged one is an error and not a wrong row.

import { FeedError } from '../../errors/feed-error.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { kind, type RowView } from '../../core/row-view.ts'

/** Fills `row` and gives the offset behind the tuple. */
export function readTuple(bytes: Buffer, at: number, end: number, relation: RelationSchema, row: RowView): number {
  if (at + 2 > end) throw cut(relation)
  const count = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  if (count !== relation.columns.length) throw wrongCount(relation, count)
  row.reset(count)
  row.bytes = bytes
  row.relation = relation
  const { kinds, starts, ends } = row
  let next = at + 2
  for (let i = 0; i < count; i++) {
    if (next >= end) throw cut(relation)
    const k = bytes[next++] as number
    kinds[i] = k
    if (k === kind.text) {
      if (next + 4 > end) throw cut(relation)
      const length =
        ((bytes[next] as number) * 0x1000000 +
          ((bytes[next + 1] as number) << 16)) +
        (((bytes[next + 2] as number) << 8) | (bytes[next + 3] as number))
      next += 4
      starts[i] = next
      next += length
      ends[i] = next
      if (next > end) throw cut(relation)
    } else if (k === kind.null || k === kind.unchanged) {
      starts[i] = next
      ends[i] = next
    } else throw new FeedError('FEED_PROTOCOL', `unknown kind 0x${k.toString(16)} of column ${i} in a row of ${relation.description.name}`)
  }
  return next
}

function cut(relation: RelationSchema): FeedError {
  return new FeedError('FEED_PROTOCOL', `a row of table "${relation.description.name}" is cut off`)
}

function wrongCount(relation: RelationSchema, count: number): FeedError {
  return new FeedError(
    'FEED_PROTOCOL',
    `a row of table "${relation.description.name}" has ${count} columns where ${relation.columns.length} were announced`,
  )
}
