// Remembers what tables looked like at a cursor, and checks whether their rows as of the cursor can still be found. Rows are
// found by their key, so the key must be the same. Their values must be those that they have now, so no DDL may have changed
// the values of every row, which the log does not show. Columns that were added since the cursor are left out.

import type { RelationSchema } from '../../core/relation.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { holdsTheSame } from '../transaction/before-ddl.ts'

export class TablesAtCursor {
  readonly #tables = new Map<number, RelationSchema>()
  /** The relation to print rows with, by their own relation. It is always the same object, because encoders cache by it. */
  readonly #checked = new Map<RelationSchema, RelationSchema>()

  /** Remembers what the table looked like at the cursor. */
  note(relation: RelationSchema): void {
    if (relation.description.primaryKey.length > 0) this.#tables.set(relation.relid, relation)
  }

  /** Returns the relation with the columns that it had at the cursor. Throws if its rows as of the cursor cannot be found. */
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
  // The table was not watched then, so the log does not describe it.
  if (was.columns.length === 0 || is.columns.length === 0) return
  const gone = was.columns.find((column, i) => {
    const same = is.columns[i]
    return column.name !== same?.name || !holdsTheSame(column, same)
  })
  if (gone !== undefined) throw changedSince(now, `column "${gone.name}"`, 'has changed or is gone')
  if ((was.rewrites ?? 0) !== (is.rewrites ?? 0)) {
    throw changedSince(now, 'every row', 'was rewritten with other values by ALTER TABLE')
  }
}

function changedSince({ description: { name } }: RelationSchema, part: string, how: string): FeedError {
  const message = `${part} of table "${name}" ${how} since the cursor, so its rows as of the cursor cannot be found`
  return new FeedError('FEED_STATE', message, {
    hint: "start the changefeed with a cursor behind the change, without a cursor, or with initial_scan='no'",
  })
}
