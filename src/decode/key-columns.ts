// Which columns of a tuple are the primary key. A key is whole or it is no key: rows that differ in a column that was
// left out would be taken for one row. What does not give a whole key is remembered with its reason, and refused when
// somebody reads a row of that table (other feeds read past it).

import type { RelationColumn } from '../core/relation.ts'
import type { TableDescription } from '../core/table.ts'
import type { RelationMessage } from './pgoutput/relation.ts'

export interface KeyColumns {
  /** Tuple indexes, in the order of the key. */
  readonly keyIndexes: readonly number[]
  /** Why they are not the whole key; undefined: they are. */
  readonly keyProblem: string | undefined
  /** Another number for another key: of another table, or of other columns of the same one. */
  readonly keyId: number
}

/** Numbers of keys by the columns they are of. As many as there are tables and changes of a primary key. */
const keyIds = new Map<string, number>()

export function keyOfDescription({ relid, columns, primaryKey }: TableDescription): KeyColumns {
  const keyIndexes = indexesByName(columns, primaryKey)
  return {
    keyIndexes: keyIndexes.filter((index) => index >= 0),
    keyProblem: missing(primaryKey, keyIndexes),
    keyId: keyIdOf(relid, attnumsOf(primaryKey, columns)),
  }
}

export function keyOfLayout(layout: RelationMessage, described: TableDescription | undefined): KeyColumns {
  const { relid } = layout
  const flagged = flaggedIndexes(layout)
  if (described === undefined || described.primaryKey.length === 0) {
    // There are no numbers of columns to go by: places in the tuple stand for them.
    return { keyIndexes: flagged, keyProblem: undefined, keyId: keyIdOf(relid, `of places ${flagged.join()}`) }
  }
  const { primaryKey, columns } = described
  const keyIndexes = placesOf(layout, described)
  return {
    keyIndexes: keyIndexes.filter((index) => index >= 0),
    keyProblem: missing(primaryKey, keyIndexes) ?? contradiction(layout, flagged, keyIndexes),
    keyId: keyIdOf(relid, attnumsOf(primaryKey, columns)),
  }
}

/** With REPLICA IDENTITY FULL every column is flagged, which says nothing about the key. */
export function flaggedIndexes({ identity, columns }: RelationMessage): number[] {
  return identity === 'f' ? [] : columns.flatMap(({ isKey }, i) => (isKey ? [i] : []))
}

/** By name; between a rename and the next layout by place, or by the flags that the layout itself has. -1: not there. */
function placesOf(layout: RelationMessage, described: TableDescription): number[] {
  const byName = indexesByName(layout.columns, described.primaryKey)
  if (!byName.includes(-1)) return byName
  if (isSameRow(layout, described)) return indexesByName(described.columns, described.primaryKey)
  if (layout.identity !== 'd') return byName
  // The flags are the whole key. Which of them is which is certain where one name only is unknown.
  const left = flaggedIndexes(layout).filter((index) => !byName.includes(index))
  const unknown = byName.filter((index) => index === -1).length
  return left.length === 1 && unknown === 1
    ? byName.map((index) => (index === -1 ? (left[0] as number) : index))
    : byName
}

/** The same types in the same order: the columns are the same ones, whatever they are called. */
function isSameRow({ columns }: RelationMessage, described: TableDescription): boolean {
  return (
    columns.length === described.columns.length &&
    columns.every(({ typeOid }, i) => typeOid === described.columns[i]?.typeOid)
  )
}

function indexesByName(columns: readonly { readonly name: string }[], key: readonly string[]): number[] {
  return key.map((name) => columns.findIndex((column) => column.name === name))
}

function missing(key: readonly string[], indexes: readonly number[]): string | undefined {
  const at = indexes.indexOf(-1)
  return at < 0 ? undefined : `column "${key[at]}" of its primary key is not among the columns that were logged`
}

/** With REPLICA IDENTITY DEFAULT the flags are the primary key that the row was written with. */
function contradiction(
  { identity, columns }: RelationMessage,
  flagged: readonly number[],
  key: readonly number[],
): string | undefined {
  if (identity !== 'd') return undefined
  const extra = flagged.find((index) => !key.includes(index))
  return extra === undefined
    ? undefined
    : `column "${columns[extra]?.name}" is part of the primary key that was logged, and not of the one that is known`
}

function attnumsOf(key: readonly string[], columns: TableDescription['columns']): string {
  return key.map((name) => columns.find((column: RelationColumn) => column.name === name)?.attnum ?? name).join()
}

function keyIdOf(relid: number, columns: string): number {
  const text = `${relid} ${columns}`
  let id = keyIds.get(text)
  if (id === undefined) keyIds.set(text, (id = keyIds.size + 1))
  return id
}
