// One line of COPY … TO STDOUT in text format: values between tabs, `\N` for NULL, a backslash before what needs one
// (\b \f \n \r \t \v \\). Unescaped in place: the result is never longer.

import { FeedError } from '../errors/feed-error.ts'
import type { RelationSchema } from '../core/relation.ts'
import { kind, type RowView } from '../core/row-view.ts'

const tab = 0x09
const newline = 0x0a
const backslash = 0x5c

const escaped = new Uint8Array(256)
for (let i = 0; i < 256; i++) escaped[i] = i
for (const [letter, byte] of [['b', 8], ['f', 12], ['n', 10], ['r', 13], ['t', 9], ['v', 11]] as const) {
  escaped[letter.charCodeAt(0)] = byte
}

/** `bytes[start, end)` is the line, with or without its newline; changed when it holds a backslash. */
export function readCopyLine(bytes: Buffer, start: number, end: number, relation: RelationSchema, row: RowView): void {
  const count = relation.columns.length
  row.reset(count)
  row.bytes = bytes
  row.relation = relation
  const { kinds, starts, ends } = row
  const last = end > start && bytes[end - 1] === newline ? end - 1 : end
  let column = 0
  let from = start
  let read = start
  let write = start
  /** Where the value that began with `\N` starts. */
  let nullAt = -1
  for (;;) {
    const byte = read < last ? (bytes[read] as number) : tab
    if (byte === tab) {
      if (column === count) throw wrongColumns(relation)
      starts[column] = from
      ends[column] = write
      // `\N` was read as an escaped N: one byte from two, told apart by what stood there.
      kinds[column] = read - from === 2 && nullAt === from ? kind.null : kind.text
      column += 1
      if (read >= last) break
      read += 1
      from = write = read
    } else if (byte === backslash && read + 1 < last) {
      const letter = bytes[read + 1] as number
      if (letter === 0x4e && read === from) nullAt = from
      bytes[write++] = escaped[letter] as number
      read += 2
    } else {
      if (write !== read) bytes[write] = byte
      write += 1
      read += 1
    }
  }
  if (column !== count) throw wrongColumns(relation)
}

function wrongColumns(relation: RelationSchema): FeedError {
  return new FeedError('FEED_PROTOCOL', `a COPY line of table "${relation.description.name}" does not have ${relation.columns.length} columns`)
}
