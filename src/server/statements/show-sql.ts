// The SELECTs of SHOW statements. PostgreSQL can sort, filter, join and type their rows.

import { quoteName, quoteString } from '../../core/quote.ts'
import type { ShownTable } from '../../settings/show.ts'

export function valuesSql({ columns, rows }: ShownTable): string {
  const names = columns.map(({ name }) => quoteName(name))
  if (rows.length === 0) {
    return `SELECT ${columns.map(({ type }, i) => `NULL::${type} AS ${names[i]}`).join(', ')} WHERE false`
  }
  const lines = rows.map(
    (row) => `(${row.map((text, i) => `${quoteString(text)}::${columns[i]?.type ?? 'text'}`).join(', ')})`,
  )
  return `SELECT * FROM (VALUES ${lines.join(', ')}) AS shown (${names.join(', ')})`
}

export const showDatabaseSql = 'SELECT pg_catalog.current_database()::text AS database'

export const showDatabasesSql = `SELECT d.datname::text AS database_name, r.rolname::text AS owner
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles r ON r.oid = d.datdba WHERE NOT d.datistemplate ORDER BY 1`

export const showTablesSql = `SELECT n.nspname::text AS schema_name, c.relname::text AS table_name,
  CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'table' END AS type,
  r.rolname::text AS owner, greatest(c.reltuples, 0)::int8 AS estimated_row_count
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'changefeed', 'crdb_internal')
  AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1, 2`
