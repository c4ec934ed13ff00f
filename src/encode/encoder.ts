// The door of every format: turns one change into the bytes of a key and a value, straight from the row view.
//
// An encoder is made for one FeedSpec. It compiles what it needs per RelationSchema (cached by object identity), does
// no I/O, keeps nothing of the change after a call, and appends to `out` only.

import type { ByteWriter } from '../bytes/byte-writer.ts'
import type { Hlc } from '../core/hlc.ts'
import type { RelationSchema } from '../core/relation.ts'
import type { RowChange } from '../core/row-change.ts'
import type { RowView } from '../core/row-view.ts'

export interface Encoder {
  /** `row` must hold every key column. */
  encodeKey(relation: RelationSchema, row: RowView, out: ByteWriter): void
  /** False: the message has no value (nil), nothing was written. */
  encodeValue(change: RowChange, out: ByteWriter): boolean
  encodeResolved(resolved: Hlc, out: ByteWriter): void
}
