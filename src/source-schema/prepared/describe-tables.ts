// Describes tables from the catalogue, in one statement, with the rights that everybody has. The descriptions are those that
// changefeed.describe of sql/describe.sql makes in a database where our functions are installed.

import type { Queries } from '../../postgres/queries.ts'
import type { AttributeRow, TableDescription } from '../../core/table.ts'
import { catalogueFacts, type CatalogueFacts, type TableFacts } from './catalogue-facts.ts'
import { firstUserOid, TypeShapes, type FormerAttributes, type TypeLookup } from './type-shapes.ts'

export interface DescribedTable {
  readonly description: TableDescription
  /**
   * The transactions that last wrote the rows of the catalogue that the description is made of: those of the columns, of the types and
   * of what they consist of. It differs between two readings if anything was changed between them, even if it was changed back.
   */
  readonly fingerprint: string
  /** The types made by users that the table consists of. */
  readonly types: readonly number[]
}

/** With what tells a change from what only looks like one. */
export interface SeenTable extends DescribedTable {
  /** As in TableFacts. */
  readonly keyOid: number
  /** It changes when all rows are written anew, also by TRUNCATE and VACUUM FULL. */
  readonly fileNode: number
  /** As in TableFacts. */
  readonly hasPages: boolean
  /** As in TableFacts. */
  readonly isAltered: boolean
  /** As in TableFacts. */
  readonly attachedBy: string
  /** It is in our publication itself, whatever it is a partition of. */
  readonly isMember?: true
  /** As in TableFacts. */
  readonly namedBy: readonly number[]
  /** As in TableFacts. */
  readonly toast: number
  /** The number of each column, also of those that were dropped, with the transaction that wrote its row of the catalogue. */
  readonly written: string
  /** The composite types that the table consists of, by oid. */
  readonly layouts: ReadonlyMap<number, CompositeLayout>
  /** What the shapes of its columns were made of. */
  readonly typeFacts: CatalogueFacts['types']
}

export interface CompositeLayout {
  /** The relation that holds the attributes, and that ALTER TYPE locks. */
  readonly relation: number
  readonly attributes: readonly AttributeRow[]
}

/** A table that does not exist is absent. The connection must have `rowTextParameters`. */
export async function describeTables(
  connection: Queries,
  relids: readonly number[],
): Promise<ReadonlyMap<number, DescribedTable>> {
  return describe(await catalogueFacts(connection, relids))
}

export function describe({ tables, types }: CatalogueFacts): Map<number, SeenTable> {
  const shapes = new TypeShapes(types)
  const described = new Map<number, SeenTable>()
  for (const [relid, facts] of tables) {
    const used = new Set<number>()
    for (const { typeOid } of facts.columns) if (typeOid >= firstUserOid) shapes.inside(typeOid, used)
    const own = [...used].filter((oid) => oid >= firstUserOid).toSorted((a, b) => a - b)
    described.set(relid, {
      description: describeOne(relid, facts, shapes),
      fingerprint: fingerprint(facts, own, types),
      types: own,
      keyOid: facts.keyOid,
      fileNode: facts.fileNode,
      hasPages: facts.hasPages,
      isAltered: facts.isAltered,
      attachedBy: facts.attachedBy,
      namedBy: facts.namedBy,
      toast: facts.toast,
      written: facts.written,
      layouts: layoutsOf(own, types),
      typeFacts: types,
    })
  }
  return described
}

/** Returns the description with what these types print now, and what they had before. */
export function reshaped(description: TableDescription, types: TypeLookup, former: FormerAttributes): TableDescription {
  const shapes = new TypeShapes(types, former)
  const columns = description.columns.map((column) =>
    types.has(column.typeOid) ? { ...column, shape: shapes.shape(column.typeOid) } : column,
  )
  return { ...description, columns }
}

function describeOne(relid: number, facts: TableFacts, shapes: TypeShapes): TableDescription {
  const { database, schema, name, identity, deferrableKey, primaryKey, partitioned, ancestors } = facts
  const columns = facts.columns.map(({ identity: made, missing, ...column }) => ({
    ...column,
    // A partitioned table does not say what the rows of its partitions have.
    ...(partitioned ? {} : { missing }),
    typmod: column.typmod === -1 && column.typeOid >= firstUserOid ? shapes.modifier(column.typeOid) : column.typmod,
    shape: shapes.shape(column.typeOid),
    ...(made === '' ? {} : { identity: made }),
  }))
  return {
    relid,
    database,
    schema,
    name,
    identity,
    deferrableKey,
    columns,
    primaryKey,
    ...(partitioned ? { partitioned } : {}),
    ...(ancestors.length === 0 ? {} : { ancestors }),
  }
}

function layoutsOf(used: readonly number[], types: CatalogueFacts['types']): Map<number, CompositeLayout> {
  const layouts = new Map<number, CompositeLayout>()
  for (const oid of used) {
    const type = types.get(oid)
    if (type?.kind === 'c') layouts.set(oid, { relation: type.relation, attributes: type.attributes })
  }
  return layouts
}

function fingerprint(facts: TableFacts, used: readonly number[], types: CatalogueFacts['types']): string {
  const { schema, name, identity, ancestors, attachedBy, keyOid, fileNode, written } = facts
  const ofTypes = used.map((oid) => {
    const type = types.get(oid)
    return `${oid}=${type?.schema}.${type?.name}/${type?.written}/${type?.attributes.map((a) => `${a[0]}:${a[3]}`).join()}`
  })
  return [
    JSON.stringify([schema, name, ...ancestors]),
    attachedBy,
    identity,
    keyOid,
    fileNode,
    written,
    ...ofTypes,
  ].join(';')
}
