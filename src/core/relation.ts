// How the tuples of a watched table are laid out from one moment on: the wire order of its columns joined with what the
// catalogue said of them. A new object is made whenever either changes, so encoders may cache by identity.

import type { TableDescription, TypeShape } from './table.ts'

export interface RelationSchema {
  readonly relid: number
  readonly description: TableDescription
  /** In tuple order, which is also the order of the select list of a scan. */
  readonly columns: readonly RelationColumn[]
  /** Tuple indexes of the primary key columns, in key order. */
  readonly keyIndexes: readonly number[]
  /** Why `keyIndexes` are not the whole key; rows of the table cannot be read then. */
  readonly keyProblem?: string | undefined
  /** Another number for another key: of another table, or of other columns of this one. Keys of one number compare. */
  readonly keyId: number
  /** Updates and deletes do not log the primary key of the row they change: REPLICA IDENTITY is another index. */
  readonly identityLacksKey?: boolean | undefined
}

export interface RelationColumn {
  readonly name: string
  readonly shape: TypeShape
}
