// Decodes the row records of the log (a pgoutput insert, update or delete), one after the other, into the same views.

import { quoteName } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { record, recordEnd, relationOf } from '../../changelog/records.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { kind, RowView } from '../../core/row-view.ts'
import { readDelete } from '../../decode/pgoutput/delete.ts'
import { readInsert } from '../../decode/pgoutput/insert.ts'
import type { OldKind } from '../../decode/pgoutput/old-kind.ts'
import { readUpdate } from '../../decode/pgoutput/update.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import { fillUnchanged } from '../../decode/fill-unchanged.ts'
import type { Partitions } from './partitions.ts'
import { arrange, ownRows, rowsOfLeaf, type RowsOfTarget } from './rows-of-target.ts'

export class ChangeReader {
  readonly #schemas: SchemaHistory
  readonly #partitions: Partitions
  /** How the rows of the relation that was read last become rows of a target; undefined: they are of no target. */
  #rows: RowsOfTarget | undefined
  /** By relation. */
  readonly #known = new Map<number, RowsOfTarget>()
  /** The row after the change; empty for a delete. */
  readonly row = new RowView()
  /** The row before the change, as far as it was logged: see `oldKind`. */
  readonly old = new RowView()
  oldKind: OldKind = 'none'
  tag = 0
  /** The relation of the target, which `row` and `old` have, also if the change is one of a partition. */
  relation: RelationSchema = nowhere
  /** The update has changed the primary key of the row: it counts as a delete and an insert. */
  keyChanged = false

  constructor(schemas: SchemaHistory, partitions: Partitions) {
    this.#schemas = schemas
    this.#partitions = partitions
  }

  /**
   * `bytes[at]` is the tag of a row record of a relation that is a target, or may be a partition of one. Returns false if the
   * relation is no partition of a target at this place.
   */
  read(bytes: Buffer, at: number): boolean {
    const rows = this.rowsOf(relationOf(bytes, at))
    if (rows === undefined) return false
    const { wire: relation } = rows
    const { row, old } = this
    this.relation = rows.relation
    const end = recordEnd(bytes, at)
    this.tag = bytes[at] as number
    this.keyChanged = false
    if (this.tag === record.insert) {
      this.oldKind = 'none'
      readInsert(bytes, at, end, relation, row)
      arrange(row, rows)
      return true
    }
    if (rows.lacksKey) throw keyNotLogged(relation)
    if (this.tag === record.delete) {
      this.oldKind = readDelete(bytes, at, end, relation, old)
      arrange(old, rows)
      return true
    }
    this.oldKind = readUpdate(bytes, at, end, relation, old, row)
    arrange(row, rows)
    if (this.oldKind !== 'none') {
      arrange(old, rows)
      this.keyChanged = !sameKey(this.relation, old, row)
    }
    for (let i = 0; i < row.count; i++) {
      if (row.kinds[i] === kind.unchanged) {
        this.#complete()
        break
      }
    }
    return true
  }

  /** Returns how the rows of a relation become rows of a target at this place; undefined: they are of none. */
  rowsOf(relid: number): RowsOfTarget | undefined {
    if (this.#rows?.wire.relid !== relid || !this.#isTrue(this.#rows)) this.#rows = this.#relate(relid)
    return this.#rows
  }

  /** Frees the bytes of the change that was read last: they may be many, and the next change may come hours later. */
  release(): void {
    this.row.release()
    this.old.release()
  }

  /** Returns the whole row before the change; throws if it was not logged. */
  needOld(): RowView {
    if (this.oldKind !== 'full') throw oldNotLogged(this.relation)
    return this.old
  }

  /** Whether nothing about the relation and its target has changed. */
  #isTrue({ wire, relation }: RowsOfTarget): boolean {
    const schemas = this.#schemas
    return schemas.relation(wire.relid) === wire && (wire === relation || schemas.relation(relation.relid) === relation)
  }

  #relate(relid: number): RowsOfTarget | undefined {
    const known = this.#known.get(relid)
    if (known !== undefined && this.#isTrue(known)) return known
    const wire = this.#relation(relid)
    const target = this.#partitions.targetOf(wire.description)
    if (target === undefined) return undefined
    const rows = target === relid ? ownRows(wire) : rowsOfLeaf(wire, this.#relation(target))
    const { relation } = rows
    if (relation.keyProblem !== undefined) throw keyNotWhole(relation, relation.keyProblem)
    this.#known.set(relid, rows)
    return rows
  }

  #relation(relid: number): RelationSchema {
    const relation = this.#schemas.relation(relid)
    if (relation !== undefined) return relation
    throw new FeedError('FEED_LOG_CORRUPT', `the changelog holds rows of relation ${relid} before its description`)
  }

  #complete(): void {
    if (this.oldKind === 'full' && fillUnchanged(this.row, this.old)) return
    const { name } = this.relation.description
    const message = `a row of table "${name}" is not complete: an out-of-line value that an UPDATE left alone was not logged`
    throw new FeedError('FEED_ROW', message, { hint: fullIdentity(this.relation) })
  }
}

function keyNotWhole({ description: { schema, name } }: RelationSchema, why: string): FeedError {
  const message = `rows of table "${name}" cannot be told apart by their key: ${why}`
  return new FeedError('FEED_ROW', message, {
    hint: `ALTER TABLE ${quoteName(schema)}.${quoteName(name)} REPLICA IDENTITY FULL describes the table anew; then start the changefeed again with an initial scan`,
  })
}

/** Returns the error for a table whose replica identity was changed while it was watched. */
function keyNotLogged(relation: RelationSchema): FeedError {
  const message = `a row of table "${relation.description.name}" was changed, and its primary key was not logged: the replica identity of the table is another index`
  return new FeedError('FEED_ROW', message, { hint: fullIdentity(relation) })
}

function oldNotLogged(relation: RelationSchema): FeedError {
  const message = `the previous values of a row of table "${relation.description.name}" were not logged`
  return new FeedError('FEED_ROW', message, { hint: fullIdentity(relation) })
}

function fullIdentity({ description: { schema, name } }: RelationSchema): string {
  return `ALTER TABLE ${quoteName(schema)}.${quoteName(name)} REPLICA IDENTITY FULL, then start the changefeed again without a cursor, or with a later one`
}

function sameKey(relation: RelationSchema, a: RowView, b: RowView): boolean {
  for (const index of relation.keyIndexes) {
    // A key column that is marked as unchanged in the new row is the same in the old row.
    if (b.kinds[index] === kind.unchanged) continue
    const start = a.starts[index] as number
    const length = (a.ends[index] as number) - start
    const other = b.starts[index] as number
    if ((b.ends[index] as number) - other !== length) return false
    for (let i = 0; i < length; i++) if (a.bytes[start + i] !== b.bytes[other + i]) return false
  }
  return true
}

const nowhere: RelationSchema = {
  relid: 0,
  description: { relid: 0, database: '', schema: '', name: '', columns: [], primaryKey: [], identity: 'd' },
  columns: [],
  keyIndexes: [],
  keyId: 0,
}
