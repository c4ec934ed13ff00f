// One row as offsets into the bytes in which it was received: no value is copied or turned into a string. A decoder fills
// the view from a pgoutput tuple or a line of COPY. The view is valid as long as `bytes` is, until the next batch.

import type { RelationSchema } from './relation.ts'

/** Kinds of values, with the letters that pgoutput uses. */
export const kind = {
  /** NULL, or a column that PostgreSQL did not send (the columns outside of the key in a key tuple). */
  null: 0x6e,
  /** A TOASTed value that the update did not change, and that is therefore not in this tuple. It is never emitted. */
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

  /** Drops the reference to the bytes, so that a view that is not used for long does not keep a buffer in memory. */
  release(): void {
    this.bytes = emptyBytes
  }

  /** Makes room for `columns` values and forgets the present ones. PostgreSQL allows at most 1600 columns. */
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

/** Copies a row into memory of its own. */
export function copyRow(row: RowView): RowView {
  const copy = new RowView()
  copy.relation = row.relation
  copy.reset(row.count)
  let length = 0
  for (let i = 0; i < row.count; i++) {
    const k = row.kinds[i] as number
    copy.kinds[i] = k
    copy.starts[i] = length
    if (k === kind.text) length += (row.ends[i] as number) - (row.starts[i] as number)
    copy.ends[i] = length
  }
  copy.bytes = Buffer.allocUnsafeSlow(length)
  for (let i = 0; i < row.count; i++) {
    if (row.kinds[i] === kind.text) row.bytes.copy(copy.bytes, copy.starts[i], row.starts[i], row.ends[i])
  }
  return copy
}

const emptyBytes = Buffer.alloc(0)
