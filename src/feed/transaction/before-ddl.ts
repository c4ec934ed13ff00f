// For `diff`: when a transaction changes a table and then a row of it, the old row is logged with the new columns. It is printed
// with those columns of before the transaction whose values are still there. After a DDL that has written all rows anew none
// is, and the row is printed as it was logged.

import { isDeepStrictEqual } from 'node:util'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import type { ColumnDescription } from '../../core/table.ts'
import { relationOfDescription, type SchemaSnapshot } from '../../decode/schema-history.ts'
import { printsAlike } from './prints-alike.ts'
import { RowConversion } from './row-conversion.ts'

export class BeforeDdl {
  #start: SchemaSnapshot | undefined
  /** By the relation with which a row was logged; undefined: the row is printed as it was logged. */
  readonly #found = new Map<RelationSchema, RowConversion | undefined>()

  /** Returns the row with the columns that its table had at the start of the transaction. It is valid until the next call. */
  print(row: RowView, start: SchemaSnapshot): RowView {
    if (start !== this.#start) {
      this.#start = start
      this.#found.clear()
    }
    const { relation } = row
    if (relation === undefined) return row
    if (!this.#found.has(relation)) {
      this.#found.set(relation, conversionTo(start.get(relation.relid)?.schema, relation))
    }
    return this.#found.get(relation)?.of(row) ?? row
  }
}

function conversionTo(then: RelationSchema | undefined, now: RelationSchema): RowConversion | undefined {
  if (then === undefined || then === now) return undefined
  const { description: was } = then
  const { description: is } = now
  // Until the next row comes after a DDL, the layout of the relation is the old one, so descriptions are compared.
  const isKnown = was.columns.length > 0 && now.columns.length === is.columns.length
  if (!isKnown || (was.rewrites ?? 0) !== (is.rewrites ?? 0)) return undefined
  const columns: RelationSchema['columns'][number][] = []
  const sources: number[] = []
  for (const column of relationOfDescription(was).columns) {
    const index = is.columns.findIndex(({ attnum }) => attnum === column.description?.attnum)
    const same = is.columns[index]
    if (same === undefined || !printsAlike(column.shape, same.shape)) continue
    columns.push(column)
    sources.push(index)
  }
  return new RowConversion({ ...now, columns }, sources)
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
