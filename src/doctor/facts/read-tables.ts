// Reads what is to be known of tables, with their partitions, in two queries that every role may run. They open no table but partitions, so
// that a table that is locked is described all the same. The second is the one with which a changefeed looks up its targets.

import { partsOf } from '../../core/partitions-of.ts'
import { quoteString } from '../../core/quote.ts'
import { catalogueSql, type Answer, type TargetFacts } from '../../plan/catalogue.ts'
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
  readonly hasPrimaryKey: boolean
  readonly deferrableKey: boolean
  readonly mayRead: boolean
  readonly mayUseSchema: boolean
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
  /** An estimate; undefined: it could not be read. */
  readonly rows: number | undefined
  /** Why its size or its rows could not be read; undefined: they could. */
  readonly why: string | undefined
}

export interface TableFacts extends HeapFact {
  /** What a changefeed knows of it. */
  readonly target: TargetFacts
  readonly columns: readonly ColumnFact[]
  /** The partitions that hold rows; empty if the table is not partitioned. */
  readonly leaves: readonly HeapFact[]
  /** The publications that contain it, a table of which it is a partition, or one of its partitions. */
  readonly publications: readonly string[]
  /** Publications that have only some of its columns, and publish UPDATE or DELETE. */
  readonly narrowPublications: readonly string[]
  /** Publications that have only some of its rows. */
  readonly filteringPublications: readonly string[]
  /** Undefined: it was not read. */
  readonly sample: Sample | undefined
}

/** Members of a HeapFact, over `pg_class c JOIN pg_namespace n`. */
const heapSql = `'relid', c.oid::int8, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'persistence', c.relpersistence, 'identity', c.relreplident,
  'outOfLine', c.reltoastrelid <> 0,
  'hasPrimaryKey', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary),
  'deferrableKey', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND NOT i.indimmediate),
  'mayRead', has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), 'mayUseSchema', has_schema_privilege(n.oid, 'USAGE'), 'rowSecurity', c.relrowsecurity AND row_security_active(c.oid),
  'isOwner', pg_has_role(c.relowner, 'USAGE'),
  'rows', c.reltuples::float8,
  'changesPerDay', (coalesce(pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid), 0) / age.days)::float8`

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

/** Publications of schemas came with PostgreSQL 15. The view pg_publication_tables would open the tables. */
const membersSql = (version: number): string => `SELECT prpubid AS pub, prrelid AS relid FROM pg_publication_rel
    UNION ALL SELECT p.oid, part.relid FROM pg_publication p, part WHERE p.puballtables${
      version < 150_000
        ? ''
        : `
    UNION ALL SELECT s.pnpubid, c.oid FROM pg_publication_namespace s JOIN pg_class c ON c.relnamespace = s.pnnspid JOIN part ON part.relid = c.oid`
    }`

const factsSql = (relids: readonly number[], version: number): string => `WITH wanted AS (
    SELECT oid, place FROM unnest('{${relids.join()}}'::oid[]) WITH ORDINALITY AS w (oid, place)
  ), leaf AS (
    SELECT w.oid AS root, t.relid FROM wanted w JOIN pg_class c ON c.oid = w.oid, LATERAL (${partsOf('w.oid')}) t JOIN pg_class l ON l.oid = t.relid WHERE c.relkind = 'p' AND l.relkind <> 'p'
  ), part AS (
    SELECT oid AS root, oid AS relid FROM wanted UNION SELECT root, relid FROM leaf UNION SELECT w.oid, a.relid FROM wanted w, pg_partition_ancestors(w.oid) a
  ), published AS MATERIALIZED (
    SELECT part.root, json_agg(DISTINCT p.pubname) AS names,
      json_agg(DISTINCT p.pubname) FILTER (WHERE to_jsonb(r) ->> 'prqual' IS NOT NULL) AS filtering,
      json_agg(DISTINCT p.pubname) FILTER (WHERE (p.pubupdate OR p.pubdelete) AND (to_jsonb(r) ->> 'prattrs' IS NOT NULL OR to_jsonb(p) ->> 'pubgencols' = 'n'
        AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = part.root AND a.attgenerated = 's'))) AS narrow
    FROM (${membersSql(version)}) m JOIN part ON part.relid = m.relid JOIN pg_publication p ON p.oid = m.pub
      LEFT JOIN pg_publication_rel r ON r.prpubid = m.pub AND r.prrelid = m.relid GROUP BY part.root
  ), age AS (
    SELECT greatest(extract(epoch FROM clock_timestamp() - coalesce(stats_reset, pg_postmaster_start_time())), 3600) / 86400 AS days FROM pg_stat_database WHERE datname = current_database()
  ), leaves AS MATERIALIZED (
    SELECT leaf.root, json_agg(json_build_object(${heapSql}) ORDER BY c.oid) AS facts
    FROM leaf JOIN pg_class c ON c.oid = leaf.relid JOIN pg_namespace n ON n.oid = c.relnamespace, age GROUP BY leaf.root
  )
SELECT json_build_object(${heapSql},
  'columns', ${columnsSql},
  'leaves', coalesce(leaves.facts, '[]'), 'publications', coalesce(published.names, '[]'),
  'narrowPublications', coalesce(published.narrow, '[]'), 'filteringPublications', coalesce(published.filtering, '[]'))::text
FROM wanted JOIN pg_class c ON c.oid = wanted.oid JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN age
  LEFT JOIN leaves ON leaves.root = c.oid LEFT JOIN published ON published.root = c.oid
ORDER BY wanted.place`

/** Tables that are dropped meanwhile are left out. */
export async function readTables(
  connection: Queries,
  relids: readonly number[],
  version: number,
): Promise<readonly TableFacts[]> {
  if (relids.length === 0) return []
  const rows = await connection.query(factsSql(relids, version))
  const tables = rows.map(([text]) => JSON.parse(text ?? '') as Omit<TableFacts, 'target'>)
  const [answer] = await connection.query(catalogueSql(tables, []))
  const { found } = JSON.parse(answer?.[0] ?? '') as Answer
  return tables.flatMap((table, i) => {
    const target = found[i]
    return target == null ? [] : [{ ...table, target }]
  })
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
  const wanted = names.map(({ schema, name }, i) => `(${i}, ${quoteString(schema)}, ${quoteString(name)})`)
  const rows = await connection.query(
    `SELECT c.oid::int8::text FROM (VALUES ${wanted.join(', ')}) AS w (place, schema, name)
     LEFT JOIN pg_namespace n ON n.nspname = w.schema LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name ORDER BY w.place`,
  )
  return rows.map(([oid]) => (oid == null ? undefined : Number(oid)))
}
