// The columns that a scan reads of a table, and the relation that its consumer gets them with.

import { FeedError } from '../errors/feed-error.ts'
import type { RelationSchema } from '../core/relation.ts'
import type { TableDescription } from '../core/table.ts'
import { relationOfDescription } from '../decode/schema-history.ts'

export interface Selection {
  readonly relation: RelationSchema
  /**
   * What the columns of the relation are called at the cut, then columns beyond them: a view of a row has their values behind its
   * `count` ones.
   */
  readonly names: readonly string[]
}

/** All columns that the table has at the cut. */
export function wholeTable(description: TableDescription): Selection {
  const relation = relationOfDescription(description)
  if (relation.keyProblem !== undefined) {
    const message = `rows of table "${description.name}" cannot be told apart by their key: ${relation.keyProblem}`
    throw new FeedError('FEED_ROW', message)
  }
  return { relation, names: relation.columns.map(({ name }) => name) }
}
