// Writes rows as the fields of a record. What must be known of a column is prepared once per relation.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { shownName } from '../../core/quote.ts'
import type { RelationColumn, RelationSchema } from '../../core/relation.ts'
import { kind, type RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { ColumnField } from './schemas.ts'
import { columnType, takesTextOf } from './value-type.ts'
import { branch, columnPlace, type ValueWriter } from './value-writer.ts'

interface Field {
  /** The index of the value in the row; -1: the row has none. */
  readonly index: number
  readonly write: ValueWriter
}

export class RowWriter {
  readonly #relation: RelationSchema
  readonly #isPrevious: boolean
  readonly #columns: readonly ColumnField[]
  readonly #fields: readonly Field[]
  /** The fields for rows of the table with other columns. */
  readonly #earlier = new WeakMap<RelationSchema, readonly Field[]>()

  /**
   * `columns` are columns of the relation, in the order of the fields. `isPrevious`: a value that a row from before a DDL
   * lacks is null.
   */
  constructor(relation: RelationSchema, columns: readonly ColumnField[], isPrevious = false) {
    this.#relation = relation
    this.#isPrevious = isPrevious
    this.#columns = columns
    this.#fields = columns.map(({ column, type }) => ({ index: relation.columns.indexOf(column), write: type.write }))
  }

  write(row: RowView, out: ByteWriter): void {
    const { relation } = row
    const fields = relation === this.#relation || relation === undefined ? this.#fields : this.#fieldsOf(relation)
    const { bytes, kinds, starts, ends, count } = row
    let i = 0
    try {
      for (; i < fields.length; i++) {
        const { index, write } = fields[i] as Field
        if (index < 0) {
          out.u8(branch.null)
          continue
        }
        const k = index < count ? kinds[index] : undefined
        if (k === kind.text) write(bytes, starts[index] as number, ends[index] as number, out)
        else if (k === kind.null) out.u8(branch.null)
        else throw new FeedError('FEED_BUG', 'a placeholder reached the encoder in place of a value')
      }
    } catch (error) {
      throw this.#explain(error, i)
    }
  }

  #fieldsOf(relation: RelationSchema): readonly Field[] {
    let fields = this.#earlier.get(relation)
    if (fields === undefined) {
      fields = this.#columns.map((field) => this.#fieldOf(field, relation))
      this.#earlier.set(relation, fields)
    }
    return fields
  }

  /** The values of a column are found by its number, because it may have had another name. */
  #fieldOf({ column, type }: ColumnField, relation: RelationSchema): Field {
    const attnum = column.description?.attnum
    const index = relation.columns.findIndex(({ name, description }) =>
      attnum === undefined || description === undefined ? name === column.name : description.attnum === attnum,
    )
    const there = relation.columns[index]
    if (there !== undefined && takesTextOf(type, columnType(there, false))) return { index, write: type.write }
    if (this.#isPrevious) return { index: -1, write: type.write }
    throw new FeedError('FEED_BUG', `a row has no value for column "${column.name}" of its message`)
  }

  /** Names the column, and how to find its rows. */
  #explain(error: unknown, i: number): unknown {
    if (!(error instanceof FeedError) || error.code !== 'FEED_ROW') return error
    const { description, columns, keyIndexes } = this.#relation
    const column = (this.#columns[i] as ColumnField).column.name
    const keys = keyIndexes.map((index) => shownName((columns[index] as RelationColumn).name)).join(', ')
    const table = `${shownName(description.schema)}.${shownName(description.name)}`
    const condition = error.hint?.replaceAll(columnPlace, () => shownName(column))
    const find = `SELECT ${keys} FROM ${table} WHERE ${condition} finds the rows; correct them, or use format=json`
    return new FeedError('FEED_ROW', `table "${description.name}", column "${column}": ${error.message}`, {
      hint: condition === undefined ? undefined : find,
    })
  }
}
