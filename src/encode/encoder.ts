// The interface of every format: it turns one change into the bytes of a key and a value, straight from the row view.
//
// An encoder is made for one FeedSpec. It compiles what it needs per RelationSchema (cached by object identity), keeps
// nothing of the change after a call, and appends to `out` only. Only `prepare` and `prepareResolved` may wait for anything.

import type { ByteWriter } from '../bytes/byte-writer.ts'
import type { FileColumn } from '../core/file-column.ts'
import type { Hlc } from '../core/hlc.ts'
import type { RelationSchema } from '../core/relation.ts'
import type { RowChange } from '../core/row-change.ts'
import type { RowView } from '../core/row-view.ts'
import type { RecordEncoder } from './record-encoder.ts'

export interface Encoder {
  /** False: messages of the format have no key, and `encodeKey` writes nothing. */
  readonly hasKeys?: false
  /**
   * Called before the first change of a relation, never for each row. `topic` is an index into `FeedSpec.targets`. Returns the
   * number of the schema with which the messages of the relation will be written; a promise if a schema registry must be asked
   * first. Relations that print alike may have the same number. If it rejects, the feed ends with this error. Connections that scan side by
   * side may each call it for the same relation. `RowChange.before` can be of an earlier relation, which is not prepared.
   */
  prepare(relation: RelationSchema, topic: number): number | Promise<number>
  /** Returns the first line of a file or request whose messages have this schema; undefined: the format has none. */
  header?(schema: number): Uint8Array | undefined
  /** Returns the columns of the fields that a value with this schema has; undefined: values are no fields. */
  columns?(schema: number): readonly FileColumn[] | undefined
  /** `row` must hold every key column. */
  encodeKey(relation: RelationSchema, row: RowView, out: ByteWriter): void
  /** Returns false if the message has no value (nil); nothing was written then. */
  encodeValue(change: RowChange, out: ByteWriter): boolean
  /** Returns what encodes runs of row records; undefined: each change is encoded by itself. Called when the first row has come. */
  openRecords?(): RecordEncoder | undefined
  /** Called before the first resolved message of a topic. Undefined: it can be written at once. If it rejects, the feed ends with this error. */
  prepareResolved(topic: number): Promise<void> | undefined
  /** Writes the resolved message for one topic. Never called if the format is `isScanOnly`. */
  encodeResolved(topic: number, at: Hlc, out: ByteWriter): void
}
