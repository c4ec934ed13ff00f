// Reads what is to be known of tables, with their partitions, in one query that every role may run.

import { quoteString } from '../../core/quote.ts'
import type { Queries } from '../../postgres/queries.ts'

export interface ColumnFact {
  readonly name: string
  readonly type: string
  /** pg_attribute.attgenerated: '', 's'(tored) or 'v'(irtual). */
  readonly generated: string
  /** The name of the base type of the elements, without schema, and whether it is one of PostgreSQL's own. */
  readonly base: string
  readonly isBuiltIn: boolean
  /** pg_type.typtype of it: b(ase) c(omposite) e(num) r(ange) m(ultirange). */
  readonly kind: string
  /** Its values may be stored out of line. */
  readonly isOutOfLine: boolean
}

/** What counts of a table that holds rows: of the table itself, or of each partition. */
export interface HeapFact {
  readonly relid: number
  readonly schema: string
  readonly name: string
  /** pg_class.relkind: r p v m S f i I c t. */
  readonly kind: string
  /** p(ermanent) u(nlogged) t(emporary). */
  readonly persistence: string
  /** pg_class.relreplident: d n f i. */
  readonly identity: 'd' | 'n' | 'f' | 'i'
  readonly outOfLine: boolean
  readonly primaryKey: readonly string[]
  readonly deferrableKey: boolean
  /** Columns of the index of REPLICA IDENTITY USING INDEX. */
  readonly identityKey: readonly string[]
  readonly mayRead: boolean
  /** Row-level security hides rows from our role. */
  readonly rowSecurity: boolean
  readonly isOwner: boolean
  /** An estimate; -1: nobody has counted them yet. */
  readonly rows: number
  /** UPDATEs and DELETEs in a day, as the statistics say. */
  readonly changesPerDay: number
}

export interface Sample {
  /** Of the table with its out-of-line values, and of all partitions. */
  readonly bytes: number
  /** Seconds that reading all of it takes on one connection; undefined: it could not be read. */
  readonly seconds: number | undefined
  /** Why its size or its rows could not be read; undefined: they could. */
  readonly why: string | undefined
}

export interface TableFacts extends HeapFact {
  readonly columns: readonly ColumnFact[]
  /** The partitions that hold rows; empty if the table is not partitioned. */
  readonly leaves: readonly HeapFact[]
  readonly hasChildren: boolean
  readonly isPartition: boolean
  /** The publications that contain it, or one of its partitions. */
  readonly publications: readonly string[]
  /** Publications that have only some of its columns, and publish UPDATE or DELETE. */
  readonly narrowPublications: readonly string[]
  /** Publications that have only some of its rows. */
  readonly filteringPublications: readonly string[]
  /** Undefined: it was not read. */
  readonly sample: Sample | undefined
}

const inPublication = (schema: string, name: string): string =>
  `SELECT pubname FROM pg_publication_tables v WHERE v.schemaname = ${schema} AND v.tablename = ${name}`

const keyOf = (condition: string): string => `coalesce((SELECT json_agg(a.attname ORDER BY k.place)
    FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place), pg_attribute a
    WHERE i.indrelid = c.oid AND ${condition} AND k.place <= i.indnkeyatts AND a.attrelid = c.oid AND a.attnum = k.attnum), '[]')`

/** Members of a HeapFact, over `pg_class c JOIN pg_namespace n`. */
const heapSql = `'relid', c.oid::int8, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'persistence', c.relpersistence, 'identity', c.relreplident,
  'outOfLine', c.reltoastrelid <> 0 OR c.relkind = 'p' AND EXISTS (SELECT FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid WHERE l.reltoastrelid <> 0),
  'primaryKey', ${keyOf('i.indisprimary')},
  'deferrableKey', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND NOT i.indimmediate),
  'identityKey', ${keyOf('i.indisreplident')},
  'mayRead', has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), 'rowSecurity', c.relrowsecurity AND row_security_active(c.oid),
  'isOwner', pg_has_role(c.relowner, 'USAGE'),
  'rows', c.reltuples::float8,
  'changesPerDay', coalesce((SELECT (n_tup_upd + n_tup_del) / greatest(extract(epoch FROM clock_timestamp() - coalesce(d.stats_reset, pg_postmaster_start_time())), 3600) * 86400
    FROM pg_stat_all_tables s, pg_stat_database d WHERE s.relid = c.oid AND d.datname = current_database()), 0)::float8`

const columnsSql = `coalesce((SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'generated', a.attgenerated,
    'base', b.typname, 'isBuiltIn', b.typnamespace = 'pg_catalog'::regnamespace, 'kind', b.typtype, 'isOutOfLine', a.attstorage IN ('x', 'e')) ORDER BY a.attnum)
  FROM pg_attribute a CROSS JOIN LATERAL (
    WITH RECURSIVE base (oid, depth) AS (
      SELECT a.atttypid, 0
      UNION ALL
      SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END, base.depth + 1
      FROM base JOIN pg_type t ON t.oid = base.oid WHERE t.typtype = 'd' OR t.typcategory = 'A' AND t.typelem <> 0
    ) SELECT t.* FROM base JOIN pg_type t ON t.oid = base.oid ORDER BY base.depth DESC LIMIT 1
  ) b
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]')`

const leavesSql = `CASE WHEN c.relkind = 'p' THEN coalesce((SELECT json_agg(leaf.facts ORDER BY leaf.oid) FROM (
    SELECT c.oid, json_build_object(${heapSql}) AS facts FROM pg_partition_tree(root.oid) t JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.isleaf
  ) leaf), '[]') ELSE '[]' END`

const tablesSql = (relids: readonly number[]): string => `SELECT json_build_object(${heapSql},
  'columns', ${columnsSql},
  'leaves', ${leavesSql.replaceAll('root.oid', 'outermost.oid')},
  'hasChildren', c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid),
  'isPartition', c.relispartition,
  'publications', coalesce((SELECT json_agg(DISTINCT p.pubname) FROM (
    ${inPublication('n.nspname', 'c.relname')}
    UNION ALL SELECT v.pubname FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid JOIN pg_namespace ln ON ln.oid = l.relnamespace
      JOIN pg_publication_tables v ON v.schemaname = ln.nspname AND v.tablename = l.relname WHERE c.relkind = 'p'
  ) p), '[]'),
  'filteringPublications', coalesce((SELECT json_agg(p.pubname) FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE r.prrelid IN (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid)) AND to_jsonb(r) ->> 'prqual' IS NOT NULL), '[]'),
  'narrowPublications', coalesce((SELECT json_agg(p.pubname) FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE r.prrelid IN (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid)) AND (p.pubupdate OR p.pubdelete)
      AND (to_jsonb(r) ->> 'prattrs' IS NOT NULL OR to_jsonb(p) ->> 'pubgencols' = 'n' AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attgenerated = 's'))), '[]')
)::text
FROM pg_class outermost JOIN pg_class c ON c.oid = outermost.oid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ('{${relids.join()}}'::oid[]) ORDER BY array_position('{${relids.join()}}'::oid[], c.oid)`

export async function readTables(connection: Queries, relids: readonly number[]): Promise<readonly TableFacts[]> {
  if (relids.length === 0) return []
  const rows = await connection.query(tablesSql(relids))
  return rows.map(([text]) => JSON.parse(text ?? '') as TableFacts)
}

/** A table as a user names it: `[schema.]table`. */
export interface TableName {
  readonly schema: string
  readonly name: string
}

/** Returns the oids, in the same order; undefined: there is no such relation. */
export async function findRelids(
  connection: Queries,
  names: readonly TableName[],
): Promise<readonly (number | undefined)[]> {
  if (names.length === 0) return []
  const wanted = names.map(({ schema, name }) => `(${quoteString(schema)}, ${quoteString(name)})`)
  const rows = await connection.query(
    `SELECT c.oid::int8::text FROM (VALUES ${wanted.map((pair, i) => `(${i}, ${pair.slice(1)}`).join(', ')}) AS w (place, schema, name)
     LEFT JOIN pg_namespace n ON n.nspname = w.schema LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name ORDER BY w.place`,
  )
  return rows.map(([oid]) => (oid == null ? undefined : Number(oid)))
}
