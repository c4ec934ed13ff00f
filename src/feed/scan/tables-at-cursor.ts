// What tables looked like at a cursor, and whether their rows as of it can still be found: by their key, which must be
// the same one, and in the values that they have now, which a DDL may have changed in every row without a word of it in
// the log. Columns that were added since are left out, for the rows as of the cursor had none.

import { isDeepStrictEqual } from 'node:util'
import type { RelationSchema } from '../../core/relation.ts'
import type { ColumnDescription } from '../../core/table.ts'
import { FeedError } from '../../errors/feed-error.ts'

export class TablesAtCursor {
  readonly #tables = new Map<number, RelationSchema>()
  /** By relation, the one to print its rows with: always the same object, as encoders keep what they make of it. */
  readonly #checked = new Map<RelationSchema, RelationSchema>()

  /** What the table looked like at the cursor. */
  note(relation: RelationSchema): void {
    if (relation.description.primaryKey.length > 0) this.#tables.set(relation.relid, relation)
  }

  /** The relation with the columns that it had at the cursor; an error when rows as of then cannot be found any more. */
  check(relation: RelationSchema): RelationSchema {
    let asOfCursor = this.#checked.get(relation)
    if (asOfCursor === undefined) {
      asOfCursor = this.#asOfCursor(relation)
      this.#checked.set(relation, asOfCursor)
    }
    return asOfCursor
  }

  #asOfCursor(relation: RelationSchema): RelationSchema {
    const then = this.#tables.get(relation.relid)
    if (then === undefined) {
      this.#tables.set(relation.relid, relation)
      return relation
    }
    compare(then, relation)
    const count = then.description.columns.length
    return count > 0 && count < relation.columns.length
      ? { ...relation, columns: relation.columns.slice(0, count) }
      : relation
  }
}

function compare(then: RelationSchema, now: RelationSchema): void {
  const { description: was } = then
  const { description: is } = now
  if (then.keyId !== now.keyId) throw changedSince(now, 'the primary key', 'has changed')
  if ((was.deferrableKey === true) !== (is.deferrableKey === true)) {
    const became = is.deferrableKey === true ? 'has become DEFERRABLE' : 'is not DEFERRABLE any more'
    throw changedSince(now, 'the primary key', became)
  }
  // A table that was not described is one that was not watched.
  if (was.columns.length === 0 || is.columns.length === 0) return
  const place = was.columns.findIndex((column, i) => !isSameColumn(column, is.columns[i]))
  if (place >= 0) throw changedSince(now, `column "${was.columns[place]?.name}"`, 'has changed or is gone')
  if ((was.rewrites ?? 0) !== (is.rewrites ?? 0)) {
    throw changedSince(now, 'every row', 'was rewritten with other values by ALTER TABLE')
  }
}

function isSameColumn(was: ColumnDescription, is: ColumnDescription | undefined): boolean {
  return (
    is !== undefined &&
    was.attnum === is.attnum &&
    was.name === is.name &&
    was.typeOid === is.typeOid &&
    was.typmod === is.typmod &&
    isDeepStrictEqual(was.shape, is.shape)
  )
}

function changedSince({ description: { name } }: RelationSchema, part: string, how: string): FeedError {
  const message = `${part} of table "${name}" ${how} since the cursor, so its rows as of the cursor cannot be found`
  return new FeedError('FEED_STATE', message, {
    hint: "start the changefeed with a cursor behind the change, without a cursor, or with initial_scan='no'",
  })
}
