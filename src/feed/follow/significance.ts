// What a schema change means for the rows that a table has already: whether they have to be read again, because they have
// other columns or values now, or whether only the key of later messages is another one.
//
// Columns are compared by their number, which a rename leaves alone, so a column that is dropped and added again is another
// one. Nothing is said of types whose values print as before, of names, defaults, constraints, and the labels of an enum.

import type { SchemaChangeSpec } from '../../core/feed-spec.ts'
import type { ColumnDescription, TableDescription } from '../../core/table.ts'
import { printsAlike } from '../transaction/prints-alike.ts'
import type { SchemaChange } from './schema-changes.ts'

/**
 * `none`: the change is passed over. `key`: only which columns are the primary key is another; the rows are as they were.
 * `rows`: existing rows have other columns or values, or print otherwise.
 */
export type Significance = 'none' | 'key' | 'rows'

/** `events` says whether an added column counts that is NULL in all existing rows. */
export function significanceOf({ before, after }: SchemaChange, events: SchemaChangeSpec['events']): Significance {
  // That the table is gone ends the feed with an error of its own.
  if (after.dropped === true) return 'none'
  if (rowsChange(before, after, events)) return 'rows'
  return keyOf(before) === keyOf(after) ? 'none' : 'key'
}

function rowsChange(before: TableDescription, after: TableDescription, events: SchemaChangeSpec['events']): boolean {
  if ((before.rewrites ?? 0) !== (after.rewrites ?? 0)) return true
  const left = new Map(before.columns.map((column) => [column.attnum, column]))
  for (const column of after.columns) {
    const was = left.get(column.attnum)
    left.delete(column.attnum)
    if (
      was === undefined ? events === 'column_changes' || givesValues(column) : !printsAlike(was.shape, column.shape)
    ) {
      return true
    }
  }
  // The columns that are left were dropped.
  return left.size > 0
}

/** Whether existing rows have, or must have, a value in this column that was added to them. */
function givesValues({ missing, hasDefault, notNull, generated, identity }: ColumnDescription): boolean {
  if (notNull || generated || identity !== undefined) return true
  // Descriptions of earlier versions do not say what existing rows have: it may be the default.
  return missing === undefined ? hasDefault : missing !== null
}

/** The columns of the primary key, in its order. */
function keyOf({ primaryKey, columns }: TableDescription): string {
  return primaryKey.map((name) => columns.find((column) => column.name === name)?.attnum ?? name).join()
}
