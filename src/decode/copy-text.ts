// Reads one line of COPY … TO STDOUT in text format: values between tabs, `\N` for NULL, and escapes with a backslash
// (\b \f \n \r \t \v \\). Escapes are replaced in place, since the result is never longer: the view refers to the same bytes.

import { FeedError } from '../errors/feed-error.ts'
import type { RelationSchema } from '../core/relation.ts'
import { kind, type RowView } from '../core/row-view.ts'

const tab = 0x09
const newline = 0x0a
const backslash = 0x5c
const letterN = 0x4e

/** The meaning of the byte after a backslash. Most bytes mean themselves. */
const meanings = new Uint8Array(256)
for (let i = 0; i < 256; i++) meanings[i] = i
meanings[0x62] = 8
meanings[0x66] = 12
meanings[0x6e] = 10
meanings[0x72] = 13
meanings[0x74] = 9
meanings[0x76] = 11

/** Fills `row` from the line `bytes[start, end)`, with or without its newline. A line with a backslash is changed in place. */
export function readCopyLine(bytes: Buffer, start: number, end: number, relation: RelationSchema, row: RowView): void {
  const count = relation.columns.length
  row.reset(count)
  row.bytes = bytes
  row.relation = relation
  const { kinds, starts, ends } = row
  const last = end > start && bytes[end - 1] === newline ? end - 1 : end
  let at = start
  for (let column = 0; column < count; column++) {
    starts[column] = at
    kinds[column] = kind.text
    while (at < last && bytes[at] !== tab && bytes[at] !== backslash) at += 1
    if (at < last && bytes[at] === backslash) {
      if (
        bytes[at + 1] === letterN &&
        at === starts[column] &&
        (at + 2 === last || (at + 2 < last && bytes[at + 2] === tab))
      ) {
        kinds[column] = kind.null
        ends[column] = at
        at += 2
      } else at = unescape(bytes, at, last, relation, row, column)
    } else ends[column] = at
    const isLast = column === count - 1
    if (at >= last !== isLast) throw wrongColumns(relation)
    // Skips the tab.
    at += 1
  }
  if (count === 0 && start !== last) throw wrongColumns(relation)
}

/** Reads the rest of a value from its first backslash on. Returns the offset of the next tab or of the end of the line. */
function unescape(
  bytes: Buffer,
  from: number,
  last: number,
  relation: RelationSchema,
  row: RowView,
  column: number,
): number {
  let read = from
  let write = from
  while (read < last && bytes[read] !== tab) {
    let byte = bytes[read] as number
    if (byte === backslash) {
      read += 1
      if (read === last) throw wrongColumns(relation)
      byte = meanings[bytes[read] as number] as number
    }
    bytes[write++] = byte
    read += 1
  }
  row.ends[column] = write
  return read
}

function wrongColumns(relation: RelationSchema): FeedError {
  const { name } = relation.description
  return new FeedError(
    'FEED_PROTOCOL',
    `a COPY line of table "${name}" does not have ${relation.columns.length} columns`,
  )
}
