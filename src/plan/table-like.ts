// Finds the table that a user probably meant who named one that does not exist. PostgreSQL's catalogue may be read by everybody, so
// the names of tables are no secret. As in catalogue.ts, everything in the queries has its schema, because the search_path is the session's.

import { nearestName } from '../core/nearest-name.ts'
import { quoteString } from '../core/quote.ts'
import type { CatalogueQuery } from '../sql/dialect/table-facts.ts'

export interface TableName {
  /** null: a schema of the search_path. */
  readonly schema: string | null
  readonly name: string
}

export interface Likeness {
  /** The one table of the session's database that has this name in other letters or in another schema, as SQL writes it. */
  readonly like?: string | undefined
  /** A table whose name differs by a typing error, in the schema that was named or else in those of the search_path, as SQL writes it. */
  readonly near?: string | undefined
}

/** A database may have very many tables. */
const mostNames = 5000

const tables = `pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[])
      AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,information_schema,changefeed,changefeed_state,crdb_internal}'::pg_catalog.name[])`

export async function tableLike(query: CatalogueQuery, name: string): Promise<string | undefined> {
  const rows = await query(`SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM ${tables}
      AND pg_catalog.lower(c.relname::pg_catalog.text) OPERATOR(pg_catalog.=) pg_catalog.lower(${quoteString(name)}::pg_catalog.text)
    LIMIT 2`)
  return rows.length === 1 ? (rows[0]?.[0] ?? undefined) : undefined
}

export async function tableNear(query: CatalogueQuery, { schema, name }: TableName): Promise<string | undefined> {
  const place =
    schema === null
      ? 'pg_catalog.pg_table_is_visible(c.oid)'
      : `n.nspname OPERATOR(pg_catalog.=) ${quoteString(schema)}::pg_catalog.text`
  const shown =
    schema === null ? "pg_catalog.format('%I', c.relname)" : "pg_catalog.format('%I.%I', n.nspname, c.relname)"
  // Longer or shorter names are further away than any typing error.
  const most = Math.max(2, Math.floor(name.length / 3))
  const rows = await query(`SELECT c.relname::pg_catalog.text, ${shown} FROM ${tables}
      AND ${place}
      AND pg_catalog.length(c.relname::pg_catalog.text) OPERATOR(pg_catalog.>=) ${name.length - most}
      AND pg_catalog.length(c.relname::pg_catalog.text) OPERATOR(pg_catalog.<=) ${name.length + most}
    ORDER BY c.relname LIMIT ${mostNames}`)
  const shownAs = new Map(rows.map(([found, text]) => [(found ?? '').toLowerCase(), text ?? '']))
  const meant = nearestName(name.toLowerCase(), shownAs.keys())
  return meant === undefined ? undefined : shownAs.get(meant)
}
