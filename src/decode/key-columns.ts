// Finds the columns of a tuple that are the primary key. A part of a key is never used as a key, because two rows that
// differ in the missing column would be taken for one. If the whole key cannot be found, the reason is kept, and it is an
// error for every feed that reads a row of this table. Other feeds skip the row.

import type { RelationColumn } from '../core/relation.ts'
import type { TableDescription } from '../core/table.ts'
import type { RelationMessage } from './pgoutput/relation.ts'

export interface KeyColumns {
  /** Tuple indexes, in the order of the key. */
  readonly keyIndexes: readonly number[]
  /** Why `keyIndexes` is not the whole key; undefined if it is. */
  readonly keyProblem: string | undefined
  /** Identifies the table together with the columns of its key. */
  readonly keyId: number
}

/** The numbers of keys by their columns: as many as there are tables and changes of a primary key. */
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
    // Without a description the numbers of the columns are unknown, so their positions in the tuple identify the key.
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

/** Returns the columns that are flagged as the identity. REPLICA IDENTITY FULL flags all columns, which says nothing of the key. */
export function flaggedIndexes({ identity, columns }: RelationMessage): number[] {
  return identity === 'f' ? [] : columns.flatMap(({ isKey }, i) => (isKey ? [i] : []))
}

/**
 * Returns where the columns of the key are in the tuple; -1 for a column that is not found. They are found by name or, between
 * a rename and the next relation message, by position or by the flags of the relation message.
 */
function placesOf(layout: RelationMessage, described: TableDescription): number[] {
  const byName = indexesByName(layout.columns, described.primaryKey)
  if (!byName.includes(-1)) return byName
  if (isSameRow(layout, described)) return indexesByName(described.columns, described.primaryKey)
  if (layout.identity !== 'd') return byName
  // The flagged columns are the whole key. If only one name is unknown, it must be the flagged column that is left.
  const left = flaggedIndexes(layout).filter((index) => !byName.includes(index))
  const unknown = byName.filter((index) => index === -1).length
  return left.length === 1 && unknown === 1
    ? byName.map((index) => (index === -1 ? (left[0] as number) : index))
    : byName
}

/** Returns whether the types are the same, in the same order: then the columns are the same, even if their names differ. */
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

/** With REPLICA IDENTITY DEFAULT the flagged columns are the primary key at the time when the row was written. */
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
