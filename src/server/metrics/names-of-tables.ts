// Asks a database for the names of tables.

import { queryOnce } from '../../postgres/raw-connection.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'

/** Returns `schema.table` for each table that there is. */
export async function namesOfTables(
  source: SourceConnection,
  relids: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const rows = await queryOnce(
    source,
    `SELECT c.oid::pg_catalog.int8, n.nspname::pg_catalog.text || '.' || c.relname FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ('{${relids.map(Number).join()}}'::pg_catalog.oid[])`,
  )
  return new Map(rows.map(([relid, name]) => [Number(relid), name ?? '']))
}
