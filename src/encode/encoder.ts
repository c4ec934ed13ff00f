// The interface of every format: it turns one change into the bytes of a key and a value, straight from the row view.
//
// An encoder is made for one FeedSpec. It compiles what it needs per RelationSchema (cached by object identity), keeps
// nothing of the change after a call, and appends to `out` only. Only `prepare` may wait for anything.

import type { ByteWriter } from '../bytes/byte-writer.ts'
import type { Hlc } from '../core/hlc.ts'
import type { RelationSchema } from '../core/relation.ts'
import type { RowChange } from '../core/row-change.ts'
import type { RowView } from '../core/row-view.ts'

export interface Encoder {
  /**
   * Called before the first change of a relation that goes to `topic` (an index into `FeedSpec.targets`), never per row.
   * Returns the number of the schema that these messages are written with, 0 where the format has no schemas; as a promise
   * where somebody else must be asked first (a schema registry). A rejection ends the feed.
   */
  prepare(relation: RelationSchema, topic: number): number | Promise<number>
  /** `row` must hold every key column. */
  encodeKey(relation: RelationSchema, row: RowView, out: ByteWriter): void
  /** False: the message has no value (nil), nothing was written. */
  encodeValue(change: RowChange, out: ByteWriter): boolean
  /** The resolved message for one topic. */
  encodeResolved(topic: number, at: Hlc, out: ByteWriter): void
}
