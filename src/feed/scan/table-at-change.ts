// A table as a schema change has left it, and how its rows are found again in what is read later: columns by their numbers,
// because names may have changed since.

import type { Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import type { ColumnDescription, TableDescription } from '../../core/table.ts'
import { relationOfDescription } from '../../decode/schema-history.ts'
import type { Selection } from '../../scan/selection.ts'
import { isDeferrable, type RowKey } from './changed-rows.ts'
import { printsAlike } from '../transaction/prints-alike.ts'

/** Some columns of a row, as their places in another view of it. */
export interface Places {
  readonly relation: RelationSchema
  readonly places: readonly number[]
}

interface Key extends Pick<RowKey, 'keyId' | 'deferrable'> {
  readonly attnums: readonly (number | undefined)[]
}

export class TableAtChange {
  readonly description: TableDescription
  readonly relation: RelationSchema
  /** The columns from before the change whose values are still there; undefined: nothing was known of the table before. */
  readonly before: Places | undefined
  /** The time of a later change that has taken the values away. It makes the feed read the table again. */
  leftOutSince: Hlc | undefined
  /** The keys of the rows that were changed since. */
  readonly keys: Key[] = []
  /** The relation of the change that was noted last. */
  #noted: RelationSchema | undefined
  readonly #logged = new Map<RelationSchema, readonly number[] | undefined>()

  constructor(before: TableDescription | undefined, description: TableDescription) {
    this.description = description
    this.relation = relationOfDescription(description)
    this.before = before && survivors(before, description)
  }

  /** Remembers that rows were changed whose key has these columns. */
  noteKey(relation: RelationSchema): void {
    if (relation === this.#noted) return
    this.#noted = relation
    const { keyId, keyIndexes, columns, description } = relation
    const deferrable = isDeferrable(relation)
    if (this.keys.some((key) => key.keyId === keyId && key.deferrable === deferrable)) return
    const attnums = keyIndexes.map((index) => attnumOf(description, columns[index]?.name))
    this.keys.push({ keyId, deferrable, attnums })
  }

  /**
   * Returns the places of the columns in rows that were logged with this relation; undefined if the log does not have what
   * they were at the change.
   */
  placesIn(logged: RelationSchema): readonly number[] | undefined {
    if (!this.#logged.has(logged)) this.#logged.set(logged, this.#find(logged))
    return this.#logged.get(logged)
  }

  /** Returns what to read of the table when it has this description; undefined if columns are not there any more. */
  selectionIn(now: TableDescription): (Selection & { readonly keys: readonly RowKey[] }) | undefined {
    if (!this.isReadableIn(now)) return undefined
    const attnums = this.description.columns.map(({ attnum }) => attnum)
    const keys = this.keys.map(({ keyId, deferrable, attnums: ofKey }) => ({
      keyId,
      deferrable,
      keyIndexes: ofKey.map((attnum) => {
        if (attnum === undefined) return -1
        if (!attnums.includes(attnum)) attnums.push(attnum)
        return attnums.indexOf(attnum)
      }),
    }))
    const names = attnums.map((attnum) => now.columns.find((column) => column.attnum === attnum)?.name)
    const isWhole =
      names.every((name) => name !== undefined) && keys.every(({ keyIndexes }) => !keyIndexes.includes(-1))
    return isWhole ? { relation: this.relation, names, keys } : undefined
  }

  /** Whether rows that have not changed since have the same values in the same columns, when the table has this description. */
  isReadableIn(now: TableDescription): boolean {
    const { columns, rewrites } = this.description
    if ((rewrites ?? 0) !== (now.rewrites ?? 0)) return false
    return columns.every(({ attnum, shape }) => {
      const column = now.columns.find((candidate) => candidate.attnum === attnum)
      return column !== undefined && printsAlike(shape, column.shape)
    })
  }

  #find({ description, columns, keyId }: RelationSchema): readonly number[] | undefined {
    // Under another key an earlier change of the same row may have gone unnoticed.
    if (keyId !== this.relation.keyId || !this.isReadableIn(description)) return undefined
    const places = this.description.columns.map(({ attnum }) =>
      columns.findIndex(({ name }) => attnumOf(description, name) === attnum),
    )
    return places.includes(-1) ? undefined : places
  }
}

/** Fills `to` with some columns of the row. */
export function pick(row: RowView, { relation, places }: Places, to: RowView): RowView {
  to.reset(places.length)
  to.bytes = row.bytes
  to.relation = relation
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as number
    to.kinds[i] = row.kinds[place] as number
    to.starts[i] = row.starts[place] as number
    to.ends[i] = row.ends[place] as number
  }
  return to
}

function attnumOf({ columns }: TableDescription, name: string | undefined): number | undefined {
  return columns.find((column) => column.name === name)?.attnum
}

function survivors(before: TableDescription, after: TableDescription): Places {
  const places: number[] = []
  const isRewritten = (before.rewrites ?? 0) !== (after.rewrites ?? 0)
  const isExplained = isRewritten && explainsRewrite(before, after)
  const columns = before.columns.filter((column) => {
    const place = after.columns.findIndex(({ attnum }) => attnum === column.attnum)
    const now = after.columns[place]
    if (now === undefined || !printsAlike(column.shape, now.shape)) return false
    if (isRewritten && !(isExplained ? isOfSameType(column, now) : before.primaryKey.includes(column.name)))
      return false
    places.push(place)
    return true
  })
  const description = { ...before, columns }
  return { relation: relationOfDescription(description), places }
}

/** Whether columns that were added, or have another type, are the reason that every row was written anew. */
function explainsRewrite(before: TableDescription, after: TableDescription): boolean {
  return after.columns.some((column) => {
    const was = before.columns.find(({ attnum }) => attnum === column.attnum)
    return was === undefined || !printsAlike(was.shape, column.shape) || !isOfSameType(was, column)
  })
}

/** Also of the same precision and scale: `numeric(10,2)` and `numeric(10,4)` are not. */
function isOfSameType(was: ColumnDescription, is: ColumnDescription): boolean {
  return was.typeOid === is.typeOid && was.typmod === is.typmod
}
