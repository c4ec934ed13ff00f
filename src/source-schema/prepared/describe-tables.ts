// Describes tables from the catalogue, in one statement, with the rights that everybody has. The descriptions are those that
// changefeed.describe of sql/describe.sql makes in a database where our functions are installed.

import type { Queries } from '../../postgres/queries.ts'
import type { TableDescription } from '../../core/table.ts'
import { catalogueFacts, type CatalogueFacts, type TableFacts } from './catalogue-facts.ts'
import { firstUserOid, TypeShapes } from './type-shapes.ts'

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

/** A table that does not exist is absent. The connection must have `rowTextParameters`. */
export async function describeTables(
  connection: Queries,
  relids: readonly number[],
): Promise<ReadonlyMap<number, DescribedTable>> {
  return describe(await catalogueFacts(connection, relids))
}

export function describe({ tables, types }: CatalogueFacts): Map<number, DescribedTable> {
  const shapes = new TypeShapes(types)
  const described = new Map<number, DescribedTable>()
  for (const [relid, facts] of tables) {
    const used = new Set<number>()
    for (const { typeOid } of facts.columns) if (typeOid >= firstUserOid) shapes.inside(typeOid, used)
    const own = [...used].filter((oid) => oid >= firstUserOid).toSorted((a, b) => a - b)
    described.set(relid, {
      description: describeOne(relid, facts, shapes),
      fingerprint: fingerprint(facts, own, types),
      types: own,
    })
  }
  return described
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

function fingerprint(facts: TableFacts, used: readonly number[], types: CatalogueFacts['types']): string {
  const { schema, name, identity, ancestors, keyOid, fileNode, written } = facts
  const ofTypes = used.map((oid) => {
    const type = types.get(oid)
    return `${oid}=${type?.schema}.${type?.name}/${type?.written}/${type?.attributes.map((a) => `${a[0]}:${a[3]}`).join()}`
  })
  return [JSON.stringify([schema, name, ...ancestors]), identity, keyOid, fileNode, written, ...ofTypes].join(';')
}
