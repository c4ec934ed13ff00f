// The rows in messages of COPY … TO STDOUT: in runs, or as views.

import { copyHeadBytes, CopyRun, type CopyShape } from '../core/copy-run.ts'
import type { RunTable } from '../core/record-run.ts'
import type { RelationColumn, RelationSchema } from '../core/relation.ts'
import { kind, RowView } from '../core/row-view.ts'
import { readCopyLine } from '../decode/copy-text.ts'

export interface RowTaker {
  row(relation: RelationSchema, row: RowView, commitMicros: string | undefined): void
  /** Returns the table for runs of such rows; undefined: they must be given one by one. */
  tableOf?(relation: RelationSchema): RunTable | undefined
  /** Takes the rows of the run from the offset `from` on, and returns the first that it does not take: it must be given by itself. */
  takeCopied?(run: CopyRun, from: number): number
}

const number: RelationColumn = { name: '', shape: { tag: 'scalar', name: 'int8' } }

export class CopiedRows {
  readonly #shape: CopyShape
  readonly #taker: RowTaker
  readonly #wire: RelationSchema
  readonly #row = new RowView()
  readonly #run: CopyRun

  constructor(shape: CopyShape, taker: RowTaker) {
    const { relation, sent } = shape
    const more = Array.from({ length: sent - relation.columns.length }, () => number)
    this.#shape = shape
    this.#run = new CopyRun(shape)
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
    const run = this.#run
    const taker = this.#taker
    const table = taker.tableOf?.(this.#shape.relation)
    run.set(table, bytes, end)
    for (let at = start; at < end;) {
      if (table !== undefined) at = taker.takeCopied?.(run, at) ?? at
      if (at === end) break
      const next = run.after(at)
      this.line(bytes, at + copyHeadBytes, next)
      at = next
    }
  }
}
