// The rows in messages of COPY … TO STDOUT, as views.

import type { RelationColumn, RelationSchema } from '../core/relation.ts'
import { kind, RowView } from '../core/row-view.ts'
import { readCopyLine } from '../decode/copy-text.ts'

/** What a line of COPY has; it can be cloned for another thread. */
export interface CopyShape {
  readonly relation: RelationSchema
  /** The number of values in a line: those of the relation, and then others. */
  readonly sent: number
  /** Whether the last value is the commit time of the row. */
  readonly commitTimes: boolean
}

export interface RowTaker {
  row(relation: RelationSchema, row: RowView, commitMicros: string | undefined): void
}

const number: RelationColumn = { name: '', shape: { tag: 'scalar', name: 'int8' } }
/** The tag of a message and its length. */
const headBytes = 5

export class CopiedRows {
  readonly #shape: CopyShape
  readonly #taker: RowTaker
  readonly #wire: RelationSchema
  readonly #row = new RowView()

  constructor(shape: CopyShape, taker: RowTaker) {
    const { relation, sent } = shape
    const more = Array.from({ length: sent - relation.columns.length }, () => number)
    this.#shape = shape
    this.#taker = taker
    this.#wire = more.length === 0 ? relation : { ...relation, columns: [...relation.columns, ...more] }
  }

  /** Takes the payload of one message. A line with a backslash is changed in place. */
  line(bytes: Buffer, start: number, end: number): void {
    const { relation, sent, commitTimes } = this.#shape
    const row = this.#row
    // A table without columns sends empty lines.
    readCopyLine(bytes, start, end, this.#wire, row)
    row.relation = relation
    row.count = relation.columns.length
    const known = commitTimes && row.kinds[sent - 1] !== kind.null
    const micros = known ? bytes.toString('latin1', row.starts[sent - 1], row.ends[sent - 1]) : undefined
    this.#taker.row(relation, row, micros)
  }

  /** Takes whole messages with their heads. */
  run(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end;) {
      const next = at + 1 + bytes.readInt32BE(at + 1)
      this.line(bytes, at + headBytes, next)
      at = next
    }
  }
}
