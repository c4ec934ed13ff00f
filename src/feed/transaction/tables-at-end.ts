// A transaction may change rows and then their table. All of it is committed at one time, at which the table has the columns
// that it has at the end of the transaction, so the earlier rows are emitted with these: without columns that were dropped,
// with columns that were added, and under the names that columns have then. Columns are found by their number.
//
// After a DDL that has written the rows of the table anew the values of earlier rows are not known: the log has only those
// from before. Nor are they known when a value prints otherwise as another type.

import { isDeepStrictEqual } from 'node:util'
import { record, recordEnd, tagBytes } from '../../changelog/records.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { ColumnDescription, TableDescription } from '../../core/table.ts'
import { readDescription, relationOfDescription, type SchemaHistory } from '../../decode/schema-history.ts'
import { RowConversion, type ValueSource } from './row-conversion.ts'
import type { OffsetList } from './offset-list.ts'
import { printsAlike } from './prints-alike.ts'

/** What a transaction makes of a table. */
export interface TableChange {
  /** Undefined: the log describes the table for the first time. */
  readonly before: TableDescription | undefined
  /** What it has been in the course of the transaction. */
  readonly between?: readonly TableDescription[]
  readonly after: TableDescription
}

/** By relation. */
export type TableChanges = Map<number, TableChange>

/** Says whether a feed reads every row of a table again as of a transaction that has changed the table so. */
export type ReadsRowsAgain = (change: {
  readonly before: TableDescription
  readonly after: TableDescription
}) => boolean

/** Adds what the listed schema records of one part of the transaction say, in place of earlier ones of the same tables. */
export function readTableChanges(
  history: SchemaHistory,
  { payload, list }: { readonly payload: Buffer; readonly list: OffsetList },
  changes: TableChanges,
): void {
  for (const offset of list.schemaRecords(payload)) {
    if (payload[offset] !== record.schema) continue
    const after = readDescription(payload, offset + tagBytes, recordEnd(payload, offset))
    const earlier = changes.get(after.relid)
    const between = earlier === undefined ? [] : [...(earlier.between ?? []), earlier.after]
    changes.set(after.relid, { before: history.description(after.relid), between, after })
  }
}

/** What becomes of rows that were logged with an earlier relation of their table. */
export interface RowsAtEnd {
  /** Undefined: the values at the end are not known. */
  readonly conversion: RowConversion | undefined
  /** A key that was logged is also the key at the end. */
  readonly hasSameKey: boolean
  /** The values are not known, but all rows are read again as of the transaction. */
  readonly isReadAgain: boolean
}

export class TablesAtEnd {
  readonly #changes: TableChanges
  readonly #readsRowsAgain: ReadsRowsAgain
  /** By the relation with which a row was logged. */
  readonly #found = new Map<RelationSchema, RowsAtEnd | undefined>()
  /** The relations to print rows with, a single object for each table, because encoders cache by it. */
  readonly #relations = new Map<TableDescription, RelationSchema>()
  #last: RelationSchema | undefined
  #lastFound: RowsAtEnd | undefined

  private constructor(changes: TableChanges, readsRowsAgain: ReadsRowsAgain) {
    this.#changes = changes
    this.#readsRowsAgain = readsRowsAgain
  }

  /** Returns undefined if the transaction describes no table. */
  static from(changes: TableChanges, readsRowsAgain: ReadsRowsAgain): TablesAtEnd | undefined {
    return changes.size === 0 ? undefined : new TablesAtEnd(changes, readsRowsAgain)
  }

  /** Returns how rows of this relation look at the end; undefined if they were logged so. */
  of(relation: RelationSchema): RowsAtEnd | undefined {
    if (relation === this.#last) return this.#lastFound
    if (!this.#found.has(relation)) this.#found.set(relation, this.#find(relation))
    this.#last = relation
    this.#lastFound = this.#found.get(relation)
    return this.#lastFound
  }

  #find(logged: RelationSchema): RowsAtEnd | undefined {
    const change = this.#changes.get(logged.relid)
    // That the table is gone ends the feed with an error.
    if (change === undefined || change.after.dropped === true) return undefined
    const { before, after } = change
    if (isDeepStrictEqual(after, logged.description)) return undefined
    let relation = this.#relations.get(after)
    if (relation === undefined) this.#relations.set(after, (relation = relationOfDescription(after)))
    const sources = sourcesOf(logged, after)
    const isReadAgain = sources === undefined && before !== undefined && this.#readsRowsAgain({ before, after })
    const conversion = sources && new RowConversion(relation, sources)
    const hasSameKey = logged.keyId === relation.keyId && relation.keyProblem === undefined
    return { conversion, hasSameKey, isReadAgain }
  }
}

/** Returns a source for each column of the table at the end; undefined if not all values are known. */
function sourcesOf(logged: RelationSchema, end: TableDescription): readonly ValueSource[] | undefined {
  const { description: was, columns } = logged
  if ((was.rewrites ?? 0) !== (end.rewrites ?? 0)) return undefined
  const isKnown = columns.length === was.columns.length && columns.every(({ name }, i) => name === was.columns[i]?.name)
  if (!isKnown) return undefined
  const sources: ValueSource[] = []
  for (const column of end.columns) {
    const index = was.columns.findIndex(({ attnum }) => attnum === column.attnum)
    const before = was.columns[index]
    if (before !== undefined && !printsAlike(before.shape, column.shape)) return undefined
    const source = before === undefined ? valueOfAdded(column) : index
    if (source === undefined) return undefined
    sources.push(source)
  }
  return sources
}

function valueOfAdded({ missing, hasDefault, generated }: ColumnDescription): string | null | undefined {
  // Descriptions of earlier versions do not say what existing rows have.
  if (missing === undefined) return hasDefault || generated ? undefined : null
  return missing
}
