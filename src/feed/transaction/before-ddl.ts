// For `diff`: when a transaction changes a table and then a row of it, the old row is logged with the new columns. If the DDL
// has only added columns or renamed them, the values from before the transaction are all there, and the old row is printed
// with the old columns.

import { isDeepStrictEqual } from 'node:util'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import type { ColumnDescription } from '../../core/table.ts'
import { relationOfDescription, type SchemaSnapshot } from '../../decode/schema-history.ts'

export class BeforeDdl {
  #start: SchemaSnapshot | undefined
  /** The relation to print rows with, by their own relation. It is always the same object, because encoders cache by it. */
  readonly #printed = new Map<RelationSchema, RelationSchema>()

  /** Returns the row with the columns that its table had at the start of the transaction. */
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

/** Returns `now` itself if the DDL has done more than to add or rename columns. */
function withColumnsOf(then: RelationSchema | undefined, now: RelationSchema): RelationSchema {
  if (then === undefined || then === now) return now
  const { description: was } = then
  const { description: is } = now
  // Until the next row comes after a DDL, the layout of the relation is the old one, so descriptions are compared.
  const isKnown = was.columns.length > 0 && now.columns.length === is.columns.length
  if (!isKnown || (was.rewrites ?? 0) !== (is.rewrites ?? 0)) return now
  if (!was.columns.every((column, i) => holdsTheSame(column, is.columns[i]))) return now
  return { ...now, columns: relationOfDescription(was).columns }
}

/** Whether both describe one column, perhaps with another name, whose values have stayed the same. */
export function holdsTheSame(was: ColumnDescription, is: ColumnDescription | undefined): boolean {
  return (
    is !== undefined &&
    was.attnum === is.attnum &&
    was.typeOid === is.typeOid &&
    was.typmod === is.typmod &&
    isDeepStrictEqual(was.shape, is.shape)
  )
}
