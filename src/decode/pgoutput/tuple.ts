// TupleData: u16 columns, then for each column a byte for its kind and, for text, u32 length and bytes.
//
//   'n' NULL    'u' unchanged out-of-line value    't' text
//
// Offsets are checked against the end of the message, so that a damaged message is an error and not a wrong row.

import { FeedError } from '../../errors/feed-error.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { kind, type RowView } from '../../core/row-view.ts'

/** Fills `row` and returns the offset after the tuple. */
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
      const high = ((bytes[next] as number) << 8) | (bytes[next + 1] as number)
      const low = ((bytes[next + 2] as number) << 8) | (bytes[next + 3] as number)
      next += 4
      starts[i] = next
      next += high * 0x10000 + low
      if (next > end) throw cut(relation)
      ends[i] = next
    } else if (k === kind.null || k === kind.unchanged) {
      starts[i] = next
      ends[i] = next
    } else throw unknownKind(relation, k, i)
  }
  return next
}

/** Fills `row` from the last tuple of a message. */
export function readLastTuple(bytes: Buffer, at: number, end: number, relation: RelationSchema, row: RowView): void {
  if (readTuple(bytes, at, end, relation, row) !== end) {
    throw new FeedError('FEED_DECODE', `bytes are left over behind a row of table "${relation.description.name}"`)
  }
}

function cut(relation: RelationSchema): FeedError {
  return new FeedError('FEED_DECODE', `a row of table "${relation.description.name}" is cut off`)
}

function wrongCount(relation: RelationSchema, count: number): FeedError {
  return new FeedError(
    'FEED_DECODE',
    `a row of table "${relation.description.name}" has ${count} columns where ${relation.columns.length} were announced`,
  )
}

function unknownKind(relation: RelationSchema, k: number, column: number): FeedError {
  const name = relation.columns[column]?.name
  return new FeedError(
    'FEED_DECODE',
    `unknown kind 0x${k.toString(16)} of column "${name}" in a row of table "${relation.description.name}"`,
  )
}
