// How the rows of a relation of the log become rows of a target: the relation is the target, or it is a leaf of a partitioned
// table. A leaf may have its columns in another order, so its values are arranged as the columns of the partitioned table are,
// and they are printed with the key and the names of that one.

import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'

export interface RowsOfTarget {
  /** What the log says of the relation. */
  readonly wire: RelationSchema
  /** The relation of the target. */
  readonly relation: RelationSchema
  /** Where each column of the target is in the tuple of a leaf; undefined: they are in the same order. */
  readonly places: readonly number[] | undefined
  /** The tuples of updates and deletes do not have the old key. */
  readonly lacksKey: boolean
}

export function ownRows(wire: RelationSchema): RowsOfTarget {
  return { wire, relation: wire, places: undefined, lacksKey: wire.identityLacksKey === true }
}

export function rowsOfLeaf(wire: RelationSchema, root: RelationSchema): RowsOfTarget {
  const places = root.columns.map(({ name }) => {
    const place = wire.columns.findIndex((column) => column.name === name)
    if (place < 0) {
      const message = `a row of partition "${wire.description.name}" has no column "${name}", which table "${root.description.name}" has`
      throw new FeedError('FEED_ROW', message, { hint: 'start the changefeed again with an initial scan' })
    }
    return place
  })
  const { loggedIndexes } = wire
  const lacksKey =
    loggedIndexes !== undefined && !root.keyIndexes.every((index) => loggedIndexes.includes(places[index] as number))
  const isSameOrder = places.length === wire.columns.length && places.every((place, i) => place === i)
  return { wire, relation: root, places: isSameOrder ? undefined : places, lacksKey }
}

let kinds = new Uint8Array(64)
let starts = new Int32Array(64)
let ends = new Int32Array(64)

/** Makes a row that was read as a tuple of the leaf a row of the target. */
export function arrange(row: RowView, { relation, places }: RowsOfTarget): void {
  row.relation = relation
  if (places === undefined) return
  const { count } = row
  if (count > kinds.length) {
    kinds = new Uint8Array(row.kinds.length)
    starts = new Int32Array(row.kinds.length)
    ends = new Int32Array(row.kinds.length)
  }
  for (let i = 0; i < count; i++) {
    kinds[i] = row.kinds[i] as number
    starts[i] = row.starts[i] as number
    ends[i] = row.ends[i] as number
  }
  row.reset(places.length)
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as number
    row.kinds[i] = kinds[place] as number
    row.starts[i] = starts[place] as number
    row.ends[i] = ends[place] as number
  }
}
