// Decides which description belongs to the layout of a Relation message, from what was known of the table before the message and what
// a reading after it shows. The message says exactly which columns the rows have, with their types and which of them are the
// replica identity. It does not say the order of the key, the key under REPLICA IDENTITY FULL, the attributes of composite types, nor
// the numbers of columns.

import type { ColumnDescription, TableDescription, TypeShape } from '../../core/table.ts'
import { shapeOfType } from '../../core/built-in-types.ts'
import type { RelationMessage } from '../../decode/pgoutput/relation.ts'
import { firstUserOid } from '../../source-schema/prepared/type-shapes.ts'
import { membershipOf } from './membership.ts'

export interface LayoutFacts {
  /** The last description that held; undefined: none is known. */
  readonly before: TableDescription | undefined
  /** What the reading after it shows; undefined: the table does not exist any more. */
  readonly after: TableDescription | undefined
  /** The numbers of columns that were added after `before` and are gone in `after`. */
  readonly gone?: readonly number[]
  /** The shape of a type that was ever seen; undefined: none was. */
  readonly shapeOf: (typeOid: number) => TypeShape | undefined
}

export type LayoutDecision =
  | { readonly tag: 'described'; readonly description: TableDescription; readonly by: 'before' | 'after' | 'message' }
  | { readonly tag: 'unknown'; readonly what: string }

/** Greater than the number of any column. */
const unknownAttnum = 100_000

export function readLayout(
  layout: RelationMessage,
  { before, after, gone = [], shapeOf }: LayoutFacts,
): LayoutDecision {
  const isMaybeGone = (column: ColumnDescription): boolean =>
    gone.some((attnum) => attnum < column.attnum) &&
    before?.columns.every(({ attnum }) => attnum !== column.attnum) === true
  const fitsBefore = before !== undefined && fits(layout, before)
  const fitsAfter = after !== undefined && fits(layout, after) && !after.columns.some(isMaybeGone)
  const keys = [before, after].filter((known) => known !== undefined)
  const isKeyCertain = keys.every((known) => sameKey(known, keys[0] as TableDescription))
  if (fitsBefore || fitsAfter) {
    // A table without a primary key got one when it became a partition: nobody follows its own rows of before.
    const hadNone = fitsBefore && before.primaryKey.length === 0 && membershipOf(before, after) === 'joined'
    if (!isKeyCertain && !keyIsInMessage(layout) && !hadNone)
      return { tag: 'unknown', what: 'its primary key was changed' }
    // A change that the message does not show may have come after its rows, so it is described later.
    if (fitsBefore) return { tag: 'described', description: before, by: 'before' }
    if (fitsAfter) return { tag: 'described', description: after, by: 'after' }
  }
  const columns: ColumnDescription[] = []
  const found = columnsOf(layout, before, after)
  for (const [i, { name, typeOid, typmod }] of layout.columns.entries()) {
    // A column that was added and dropped may have had the name of one that was added later.
    const known = found[i] === undefined || isMaybeGone(found[i]) ? undefined : found[i]
    const like = known ?? keys.flatMap((table) => table.columns).find((column) => column.typeOid === typeOid)
    const shape = like?.shape ?? (typeOid < firstUserOid ? shapeOfType(typeOid) : shapeOf(typeOid))
    if (shape === undefined) return { tag: 'unknown', what: `the type of its column "${name}" does not exist any more` }
    const typeName = like?.typeName ?? (shape.tag === 'scalar' ? shape.name : shape.tag)
    columns.push({
      name,
      attnum: known?.attnum ?? unknownAttnum + i,
      typeOid,
      typmod: typmod === -1 && like !== undefined && typeOid >= firstUserOid ? like.typmod : typmod,
      typeName,
      shape,
      notNull: known?.notNull ?? false,
      hasDefault: known?.hasDefault ?? false,
      generated: known?.generated ?? false,
      missing: known?.missing ?? null,
      ...(known?.identity === undefined ? {} : { identity: known.identity }),
    })
  }
  const primaryKey = keyOf(layout, columns, { keys, isKeyCertain })
  if (primaryKey === undefined) return { tag: 'unknown', what: 'its primary key was changed' }
  const { relid, schema, name, identity } = layout
  const base = before ?? after
  return {
    tag: 'described',
    by: 'message',
    description: {
      ...base,
      relid,
      database: base?.database ?? '',
      schema,
      name,
      identity,
      deferrableKey: base?.deferrableKey ?? false,
      columns,
      primaryKey,
    },
  }
}

/** Whether the message could be of a table that looks so. */
export function fits(layout: RelationMessage, table: TableDescription): boolean {
  if (layout.name !== table.name || layout.schema !== table.schema || layout.identity !== table.identity) return false
  const columns = publishedOf(layout, table)
  if (columns.length !== layout.columns.length) return false
  const key = table.identity === 'd' && table.deferrableKey !== true ? table.primaryKey : undefined
  return layout.columns.every(({ name, typeOid, typmod, isKey }, i) => {
    const column = columns[i]
    if (column?.name !== name || column.typeOid !== typeOid) return false
    // The modifier of a domain stands in descriptions, and not in messages.
    if (column.typmod !== typmod && (typeOid < firstUserOid || typmod !== -1)) return false
    return key === undefined || key.includes(name) === isKey
  })
}

/** Generated columns are published only if the publication says so. */
function publishedOf(layout: RelationMessage, { columns }: TableDescription): readonly ColumnDescription[] {
  return columns.filter(({ name, generated }) => !generated || layout.columns.some((column) => column.name === name))
}

/** Columns come in the order of their numbers. What contradicts that has a name that another column had, and nothing is known of it. */
function columnsOf(
  layout: RelationMessage,
  before: TableDescription | undefined,
  after: TableDescription | undefined,
): readonly (ColumnDescription | undefined)[] {
  const now = layout.columns.map((_, i) => columnOf(layout, i, after))
  const all = now.map((column, i) => column ?? columnOf(layout, i, before))
  if (areInOrder(all)) return all
  return areInOrder(now) ? now : now.map(() => undefined)
}

function areInOrder(columns: readonly (ColumnDescription | undefined)[]): boolean {
  const attnums = columns.flatMap((column) => (column === undefined ? [] : [column.attnum]))
  return attnums.every((attnum, i) => i === 0 || attnum > (attnums[i - 1] as number))
}

/** Finds a column by its name and type, or by its place if only its name is another. */
function columnOf(
  layout: RelationMessage,
  i: number,
  table: TableDescription | undefined,
): ColumnDescription | undefined {
  const wanted = layout.columns[i]
  if (table === undefined || wanted === undefined) return undefined
  const named = table.columns.find(({ name }) => name === wanted.name)
  if (named !== undefined) return named.typeOid === wanted.typeOid ? named : undefined
  const there = table.columns.length === layout.columns.length ? table.columns[i] : undefined
  if (there?.typeOid !== wanted.typeOid || layout.columns.some(({ name }) => name === there.name)) return undefined
  return there
}

/** A single column that is flagged is the whole key. */
function keyIsInMessage({ identity, columns }: RelationMessage): boolean {
  return identity === 'd' && columns.filter(({ isKey }) => isKey).length === 1
}

function sameKey(a: TableDescription, b: TableDescription): boolean {
  // A key that was dropped and made anew may have been another one between.
  if (a.catalogue !== undefined && b.catalogue !== undefined) return a.catalogue.key === b.catalogue.key
  return (a.deferrableKey === true) === (b.deferrableKey === true) && attnums(a).join() === attnums(b).join()
}

function attnums({ primaryKey, columns }: TableDescription): (number | string)[] {
  return primaryKey.map((name) => columns.find((column) => column.name === name)?.attnum ?? name)
}

function keyOf(
  layout: RelationMessage,
  columns: readonly ColumnDescription[],
  { keys, isKeyCertain }: { keys: readonly TableDescription[]; isKeyCertain: boolean },
): readonly string[] | undefined {
  const flagged = layout.columns.filter(({ isKey }) => isKey).map(({ name }) => name)
  if (layout.identity === 'd' && flagged.length === 1) return flagged
  if (keys.length === 0) return layout.identity === 'd' && flagged.length === 0 ? [] : undefined
  // The flags do not tell the order of several columns, and there may have been another key between.
  if (!isKeyCertain) return undefined
  const wanted = attnums(keys[0] as TableDescription)
  const names = wanted.map((attnum) => columns.find((column) => column.attnum === attnum)?.name)
  if (names.includes(undefined)) return undefined
  const isContradicted = layout.identity === 'd' && flagged.length > 0 && !sameNames(names as string[], flagged)
  return isContradicted ? undefined : (names as string[])
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name))
}
