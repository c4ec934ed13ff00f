// One row as borders into the bytes it came in: no value is copied or turned into a string. A view is filled by a
// decoder (pgoutput tuple or COPY text line) and is valid as long as `bytes` is: until its producer's next batch.

import type { RelationSchema } from './relation.ts'

/** Value kinds, as pgoutput names them. */
export const kind = {
  /** NULL, or a column that was not sent (the non-key columns of a key tuple). */
  null: 0x6e,
  /** An out-of-line value that the change left alone: not in this tuple. Never emitted. */
  unchanged: 0x75,
  /** Text format of the type's output function. */
  text: 0x74,
} as const

export class RowView {
  bytes: Buffer = emptyBytes
  /** Set by the decoder: which columns the view has, in which order. */
  relation: RelationSchema | undefined
  /** Number of columns in the tuple. */
  count = 0
  /** `kind` per column. */
  kinds = new Uint8Array(64)
  starts = new Int32Array(64)
  ends = new Int32Array(64)

  /** The bytes are not needed any more: a view that is not filled again keeps nobody's buffer. */
  release(): void {
    this.bytes = emptyBytes
  }

  /** Makes room for `columns`; keeps nothing. PostgreSQL allows at most 1600. */
  reset(columns: number): void {
    if (columns > this.kinds.length) {
      const capacity = Math.max(columns, this.kinds.length * 2)
      this.kinds = new Uint8Array(capacity)
      this.starts = new Int32Array(capacity)
      this.ends = new Int32Array(capacity)
    }
    this.count = columns
  }
}

const emptyBytes = Buffer.alloc(0)
