// For `diff`: a row that a transaction first touches after a DDL of its own is logged with the columns that the DDL has
// made. Where the DDL has only added columns or given them other names, what the row was before the transaction is still
// there, and is printed with the columns of then.

import { isDeepStrictEqual } from 'node:util'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import type { ColumnDescription } from '../../core/table.ts'
import type { SchemaSnapshot } from '../../decode/schema-history.ts'

export class BeforeDdl {
  #start: SchemaSnapshot | undefined
  /** By relation, the one to print with: always the same object, as encoders keep what they make of it. */
  readonly #printed = new Map<RelationSchema, RelationSchema>()

  /** Gives the row, to be printed with the columns that its table had at the start of the transaction. */
  print(row: RowView, start: SchemaSnapshot): RowView {
    if (start !== this.#start) {
      this.#start = start
      this.#printed.clear()
    }
    const { relation } = row
    if (relation === undefined) return row
    let printed = this.#printed.get(relation)
    if (printed === undefined) {
      printed = withColumnsOf(start.get(relation.relid)?.schema, relation)
      this.#printed.set(relation, printed)
    }
    row.relation = printed
    return row
  }
}

/** The relation itself where the DDL has done more. */
function withColumnsOf(then: RelationSchema | undefined, now: RelationSchema): RelationSchema {
  if (then === undefined || then === now) return now
  const { description: was } = then
  const { description: is } = now
  // Between a DDL and the next row the layout of a relation is that of before the DDL: only descriptions count.
  const isKnown = was.columns.length > 0 && now.columns.length === is.columns.length
  if (!isKnown || (was.rewrites ?? 0) !== (is.rewrites ?? 0)) return now
  if (!was.columns.every((column, i) => holdsTheSame(column, is.columns[i]))) return now
  return { ...now, columns: was.columns.map(({ name, shape }) => ({ name, shape })) }
}

function holdsTheSame(was: ColumnDescription, is: ColumnDescription | undefined): boolean {
  return (
    is !== undefined &&
    was.attnum === is.attnum &&
    was.typeOid === is.typeOid &&
    was.typmod === is.typmod &&
    isDeepStrictEqual(was.shape, is.shape)
  )
}
