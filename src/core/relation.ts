// The layout of the tuples of a watched table from one moment on: the order of its columns on the wire, and what the
// catalogue says of each. Whenever one of the two changes, a new object is made, so that encoders may cache by identity.

import type { ColumnDescription, TableDescription, TypeShape } from './table.ts'

export interface RelationSchema {
  readonly relid: number
  readonly description: TableDescription
  /** In tuple order, which is also the order of the select list of a scan. */
  readonly columns: readonly RelationColumn[]
  /** Tuple indexes of the primary key columns, in key order. */
  readonly keyIndexes: readonly number[]
  /** Why `keyIndexes` is not the whole primary key. Rows of the table cannot be read as long as it is set. */
  readonly keyProblem?: string | undefined
  /** Identifies the table together with the columns of its key. Only keys with the same number may be compared. */
  readonly keyId: number
  /** Tuple indexes of the columns that updates and deletes log of the old row; undefined: all of them, or it is not known. */
  readonly loggedIndexes?: readonly number[] | undefined
  /** REPLICA IDENTITY is another index than the primary key, so that updates and deletes do not log the old primary key. */
  readonly identityLacksKey?: boolean | undefined
}

export interface RelationColumn {
  readonly name: string
  readonly shape: TypeShape
  /** The type modifier, as the layout says it; undefined: there is only a description. */
  readonly typmod?: number | undefined
  /** What the catalogue says of the column, under its present name; undefined: it is not described yet. */
  readonly description?: ColumnDescription | undefined
}
