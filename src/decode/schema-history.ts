// Knows which columns the tuples of each relation have at the position of a reader of the log. It gets the relation records
// (the layout on the wire) and the schema records (the description from the catalogue) in the order of the log.
//
// The two records do not come together: the transaction of a DDL writes the description, and PostgreSQL sends the layout
// just before the next row. Tuples have the columns of the layout. A column of the layout finds its description by name,
// then by type; without a description its type oid decides how it prints.

import { record, relationOf, tagBytes } from '../changelog/records.ts'
import type { RelationColumn, RelationSchema } from '../core/relation.ts'
import type { ColumnDescription, TableDescription, TypeShape } from '../core/table.ts'
import { FeedError } from '../errors/feed-error.ts'
import { shapeOfType } from '../core/built-in-types.ts'
import { flaggedIndexes, keyOfDescription, keyOfLayout } from './key-columns.ts'
import { readRelation, type RelationMessage, type WireColumn } from './pgoutput/relation.ts'

interface Known {
  /** The bytes of the record, to recognize a repetition: the log repeats records, and a repetition changes nothing. */
  readonly layoutBytes: Buffer | undefined
  readonly layout: RelationMessage | undefined
  readonly descriptionBytes: Buffer | undefined
  readonly description: TableDescription | undefined
  readonly schema: RelationSchema | undefined
}

const nothing: Known = {
  layoutBytes: undefined,
  layout: undefined,
  descriptionBytes: undefined,
  description: undefined,
  schema: undefined,
}

export type SchemaSnapshot = ReadonlyMap<number, Known>

export class SchemaHistory {
  #known = new Map<number, Known>()
  #version = 0

  /** Increases with every record that changed a schema. Callers compare it to see whether what they cached is still valid. */
  get version(): number {
    return this.#version
  }

  /** Returns the same object as long as nothing about the relation changes. */
  relation(relid: number): RelationSchema | undefined {
    return this.#known.get(relid)?.schema
  }

  /** The description in the last schema record of the relation; undefined if there was none. */
  description(relid: number): TableDescription | undefined {
    return this.#known.get(relid)?.description
  }

  /** All relations that are described now. */
  *descriptions(): Generator<TableDescription> {
    for (const { description } of this.#known.values()) if (description !== undefined) yield description
  }

  /** Reads a relation or schema record whose tag is `bytes[at]`. Returns the oid of the relation if the record changed its schema. */
  apply(bytes: Buffer, at: number, end: number): number | undefined {
    return bytes[at] === record.schema ? this.#describe(bytes, at + tagBytes, end) : this.#layOut(bytes, at, end)
  }

  /** Returns the present state, to which `restore` can go back: a transaction that is read twice needs the same start. */
  snapshot(): SchemaSnapshot {
    return new Map(this.#known)
  }

  restore(snapshot: SchemaSnapshot): void {
    this.#known = new Map(snapshot)
  }

  #describe(bytes: Buffer, start: number, end: number): number | undefined {
    const description = readDescription(bytes, start, end)
    const { relid } = description
    const known = this.#known.get(relid) ?? nothing
    if (isSame(known.descriptionBytes, bytes, start, end)) return undefined
    return this.#learn(relid, { ...known, description, descriptionBytes: Buffer.from(bytes.subarray(start, end)) })
  }

  #layOut(bytes: Buffer, at: number, end: number): number | undefined {
    if (at + 5 > end) throw new FeedError('FEED_DECODE', 'a relation message is cut off')
    const relid = relationOf(bytes, at)
    const known = this.#known.get(relid) ?? nothing
    if (isSame(known.layoutBytes, bytes, at, end)) return undefined
    const layout = readRelation(bytes, at, end)
    return this.#learn(relid, { ...known, layout, layoutBytes: Buffer.from(bytes.subarray(at, end)) })
  }

  #learn(relid: number, known: Known): number {
    const { layout, description } = known
    let schema: RelationSchema | undefined
    if (layout !== undefined) schema = join(layout, description)
    else if (description !== undefined) schema = relationOfDescription(description)
    this.#known.set(relid, { ...known, schema })
    this.#version += 1
    return relid
  }
}

/** Returns the layout of a scanned table: its columns in the order of attributes, in which a scan selects them. */
export function relationOfDescription(description: TableDescription): RelationSchema {
  const columns = description.columns.map((column) => ({ name: column.name, shape: column.shape, description: column }))
  return { relid: description.relid, description, columns, ...keyOfDescription(description) }
}

function join(layout: RelationMessage, described: TableDescription | undefined): RelationSchema {
  const columns: RelationColumn[] = layout.columns.map(({ name, typeOid, typmod }, i) => ({
    name,
    shape: shapeOf(name, typeOid, described),
    typmod,
    description: described && descriptionOf(layout, i, described),
  }))
  const description = described ?? describeLayout(layout)
  const key = keyOfLayout(layout, described)
  const identityLacksKey =
    layout.identity !== 'f' && !key.keyIndexes.every((index) => layout.columns[index]?.isKey === true)
  const loggedIndexes = layout.identity === 'f' ? undefined : flaggedIndexes(layout)
  return { relid: layout.relid, description, columns, ...key, loggedIndexes, identityLacksKey }
}

/** Finds the shape of a column by its name, or by another column of the same type. */
function shapeOf(name: string, typeOid: number, described: TableDescription | undefined): TypeShape {
  const sameType = described?.columns.filter((column) => column.typeOid === typeOid)
  const column = sameType?.find((candidate) => candidate.name === name) ?? sameType?.[0]
  return column?.shape ?? shapeOfType(typeOid)
}

/** Finds the description of a column by its name, or by its place if it was renamed and the rest is as it was. */
function descriptionOf(
  layout: RelationMessage,
  i: number,
  { columns }: TableDescription,
): ColumnDescription | undefined {
  const { name, typeOid } = layout.columns[i] as WireColumn
  const known = columns.find((column) => column.name === name)
  if (known !== undefined) return known.typeOid === typeOid ? known : undefined
  const there = columns.length === layout.columns.length ? columns[i] : undefined
  if (there?.typeOid !== typeOid || layout.columns.some((column) => column.name === there.name)) return undefined
  return { ...there, name }
}

function describeLayout(layout: RelationMessage): TableDescription {
  const { relid, schema, name, identity, columns } = layout
  return {
    relid,
    database: '',
    schema,
    name,
    identity,
    columns: [],
    primaryKey: flaggedIndexes(layout).map((index) => (columns[index] as WireColumn).name),
  }
}

/** The text of a schema record: `bytes[start, end)`, without its tag. */
export function readDescription(bytes: Buffer, start: number, end: number): TableDescription {
  try {
    return JSON.parse(bytes.toString('utf8', start, end)) as TableDescription
  } catch (cause) {
    throw new FeedError('FEED_LOG_CORRUPT', 'a schema record of the changelog does not parse', { cause })
  }
}

function isSame(known: Buffer | undefined, bytes: Buffer, start: number, end: number): boolean {
  return known !== undefined && known.compare(bytes, start, end) === 0
}
