// The columns that a scan reads of a table, and the relation that its consumer gets them with.

import { FeedError } from '../errors/feed-error.ts'
import type { RelationSchema } from '../core/relation.ts'
import type { TableDescription } from '../core/table.ts'
import { relationOfDescription } from '../decode/schema-history.ts'
import type { ScanTable } from './table-facts.ts'

export interface Selection {
  readonly relation: RelationSchema
  /**
   * What the columns of the relation are called at the cut, then columns beyond them: a view of a row has their values behind its
   * `count` ones.
   */
  readonly names: readonly string[]
}

/** All leaves of a partitioned table have the same relation, because encoders cache by it. */
const relations = new WeakMap<TableDescription, RelationSchema>()

/** All columns that the table has at the cut; of a leaf those of its partitioned table, which have the same names. */
export function wholeTable({
  description: own,
  root,
}: Pick<ScanTable, 'description'> & { readonly root?: ScanTable['root'] }): Selection {
  const description = root ?? own
  let relation = relations.get(description)
  if (relation === undefined) relations.set(description, (relation = relationOfDescription(description)))
  if (relation.keyProblem !== undefined) {
    const message = `rows of table "${description.name}" cannot be told apart by their key: ${relation.keyProblem}`
    throw new FeedError('FEED_ROW', message)
  }
  return { relation, names: relation.columns.map(({ name }) => name) }
}
