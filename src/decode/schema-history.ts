// Which columns the tuples of each relation have, at the point of the log where the reader stands. Fed with relation
// records (the layout on the wire) and schema records (what the catalogue said), in log order.
//
// The two need not come together: a description is written by the DDL's transaction, the layout just before the next
// row. Tuples follow the layout; a layout column finds its description by name, and by its type alone where there is
// none yet.

import { record } from '../changelog/changelog.ts'
import type { RelationColumn, RelationSchema } from '../core/relation.ts'
import type { TableDescription } from '../core/table.ts'
import { shapeOfType } from './built-in-types.ts'
import { readRelation, type RelationMessage } from './pgoutput/relation.ts'

interface Known {
  readonly layoutBytes: Buffer | undefined
  readonly layout: RelationMessage | undefined
  readonly description: TableDescription | undefined
  readonly schema: RelationSchema | undefined
}

const nothing: Known = { layoutBytes: undefined, layout: undefined, description: undefined, schema: undefined }

export type SchemaSnapshot = ReadonlyMap<number, Known>

export class SchemaHistory {
  #known = new Map<number, Known>()

  /** The same object as long as nothing about the relation changes. */
  relation(relid: number): RelationSchema | undefined {
    return this.#known.get(relid)?.schema
  }

  /** A relation or schema record: `bytes[at]` is its tag. */
  apply(bytes: Buffer, at: number, end: number): void {
    if (bytes[at] === record.schema) {
      const description = JSON.parse(bytes.toString('utf8', at + 1, end)) as TableDescription
      const known = this.#known.get(description.relid) ?? nothing
      this.#learn(description.relid, { ...known, description })
      return
    }
    const relid = bytes.readUInt32BE(at + 1)
    const known = this.#known.get(relid) ?? nothing
    // The server repeats itself in every session and after every cache reset.
    if (known.layoutBytes !== undefined && bytes.compare(known.layoutBytes, 0, undefined, at, end) === 0) return
    const layoutBytes = Buffer.from(bytes.subarray(at, end))
    this.#learn(relid, { ...known, layoutBytes, layout: readRelation(bytes, at, end) })
  }

  /** What is known here, to come back to: reading a transaction twice needs the same beginning. */
  snapshot(): SchemaSnapshot {
    return new Map(this.#known)
  }

  restore(snapshot: SchemaSnapshot): void {
    this.#known = new Map(snapshot)
  }

  #learn(relid: number, { layoutBytes, layout, description }: Known): void {
    const schema =
      layout === undefined
        ? description === undefined
          ? undefined
          : relationOfDescription(description)
        : join(layout, description)
    this.#known.set(relid, { layoutBytes, layout, description, schema })
  }
}

/** For scans: columns in attribute order. */
export function relationOfDescription(description: TableDescription): RelationSchema {
  const columns = description.columns.map(({ name, shape }) => ({ name, shape }))
  return { relid: description.relid, description, columns, keyIndexes: keyIndexes(columns, description.primaryKey) }
}

function join(layout: RelationMessage, described: TableDescription | undefined): RelationSchema {
  const columns: RelationColumn[] = layout.columns.map(({ name, typeOid }) => {
    const column = described?.columns.find((candidate) => candidate.name === name && candidate.typeOid === typeOid)
    return { name, shape: column?.shape ?? shapeOfType(typeOid) }
  })
  const description = described ?? describeLayout(layout)
  let indexes = keyIndexes(columns, description.primaryKey)
  if (indexes.length === 0 || indexes.length < description.primaryKey.length) {
    // A key column was renamed, and this layout is from the other side of it.
    const flagged = layout.columns.flatMap(({ isKey }, i) => (isKey ? [i] : []))
    if (layout.identity !== 'f' && flagged.length > 0) indexes = flagged
  }
  return { relid: layout.relid, description, columns, keyIndexes: indexes }
}

function keyIndexes(columns: readonly RelationColumn[], key: readonly string[]): number[] {
  return key.map((name) => columns.findIndex((column) => column.name === name)).filter((index) => index >= 0)
}

function describeLayout({ relid, schema, name, identity, columns }: RelationMessage): TableDescription {
  return {
    relid,
    database: '',
    schema,
    name,
    identity: identity as TableDescription['identity'],
    columns: [],
    primaryKey: columns.filter(({ isKey }) => isKey).map((column) => column.name),
  }
}
