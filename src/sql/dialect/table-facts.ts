// Asks the catalogue about a table that a statement names, on the session's own backend just before the statement is sent.

import { quoteName, quoteString } from '../../core/quote.ts'
import { nameEnd, type Token } from '../tokens.ts'
import type { Splice } from '../splices.ts'

/** Runs a query in a database and returns its rows as text. */
export type CatalogueQuery = (sql: string) => Promise<readonly (readonly (string | null)[])[]>
/** Finds the splices of a statement whose translation depends on a table. */
export type FindSplices = (query: CatalogueQuery) => Promise<readonly Splice[]>

export interface RowidFacts {
  readonly column: string
  /** The name of the constraint; null for a partitioned table, whose partitions have the keys. */
  readonly constraint: string | null
  /** Whether the column comes from a parent, or from the root of a partition. */
  readonly isInherited: boolean
}

export interface TableFacts {
  readonly columns: readonly string[]
  readonly primaryKey: readonly string[]
  /** Whether the key is a rowid column with the default unique_rowid(). */
  readonly implicitKey: boolean
  /** The rowid column that we added, which another key may replace. */
  readonly rowid: RowidFacts | null
}

/** Returns the name that starts at the token `first`, for `askTable`. */
export function tableName(tokens: readonly Token[], first: number): string {
  return tokens
    .slice(first, nameEnd(tokens, first) + 1)
    .map((token) => (token.tag === 'op' ? token.text : quoteName(token.text)))
    .join('')
}

const rowidSql = `SELECT pg_catalog.json_build_object('column', a.attname, 'constraint', k.conname, 'isInherited', a.attinhcount OPERATOR(pg_catalog.>) 0)
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef d ON d.adrelid OPERATOR(pg_catalog.=) a.attrelid AND d.adnum OPERATOR(pg_catalog.=) a.attnum
  LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid OPERATOR(pg_catalog.=) c.oid AND k.contype OPERATOR(pg_catalog.=) 'p'
  WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND NOT a.attisdropped AND a.attname OPERATOR(pg_catalog.~) '^rowid(_[0-9]+)?$' AND pg_catalog.pg_get_expr(d.adbin, d.adrelid) OPERATOR(pg_catalog.=) 'unique_rowid()'
    AND CASE WHEN k.oid IS NULL THEN c.relkind OPERATOR(pg_catalog.=) 'p' AND a.attinhcount OPERATOR(pg_catalog.=) 0 ELSE k.conkey OPERATOR(pg_catalog.=) ARRAY[a.attnum] END
  ORDER BY a.attnum LIMIT 1`

/** Returns undefined if there is no such table. */
export async function askTable(query: CatalogueQuery, name: string): Promise<TableFacts | undefined> {
  const text = quoteString(name)
  try {
    const rows = await query(`SELECT pg_catalog.json_build_object(
  'columns', (SELECT pg_catalog.json_agg(attname ORDER BY attnum) FROM pg_catalog.pg_attribute WHERE attrelid OPERATOR(pg_catalog.=) c.oid AND attnum OPERATOR(pg_catalog.>) 0 AND NOT attisdropped AND attgenerated OPERATOR(pg_catalog.=) ''),
  'primaryKey', coalesce((SELECT pg_catalog.json_agg(a.attname ORDER BY k.place) FROM pg_catalog.pg_index i, pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_catalog.pg_attribute a ON a.attnum OPERATOR(pg_catalog.=) k.attnum WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid AND i.indisprimary AND a.attrelid OPERATOR(pg_catalog.=) c.oid AND k.place OPERATOR(pg_catalog.<=) i.indnkeyatts), '[]'),
  'implicitKey', EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attrdef d ON d.adrelid OPERATOR(pg_catalog.=) i.indrelid AND d.adnum OPERATOR(pg_catalog.=) i.indkey[0]
    JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) d.adrelid AND a.attnum OPERATOR(pg_catalog.=) d.adnum
    WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid AND i.indisprimary AND i.indnkeyatts OPERATOR(pg_catalog.=) 1 AND a.attname OPERATOR(pg_catalog.~) '^rowid(_[0-9]+)?$' AND pg_catalog.pg_get_expr(d.adbin, d.adrelid) OPERATOR(pg_catalog.=) 'unique_rowid()'),
  'rowid', (${rowidSql})
)::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${text})`)
    const json = rows[0]?.[0]
    return typeof json === 'string' ? (JSON.parse(json) as TableFacts) : undefined
  } catch {
    // For example in a failed transaction: PostgreSQL will report the error for the statement itself.
    return undefined
  }
}
