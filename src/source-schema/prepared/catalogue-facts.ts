// What one statement reads about tables and their types in the catalogue. One statement has one snapshot, so the facts belong
// together. Everybody may read these catalogues, and nothing is created.
//
// The statement tells apart what describe.sql does with functions of ours: there PostgreSQL follows types down to what they consist
// of, here it lists the types, and type-shapes.ts follows them.

import type { AttributeRow } from '../../core/table.ts'
import type { Queries } from '../../postgres/queries.ts'

export interface TableFacts {
  readonly database: string
  readonly schema: string
  readonly name: string
  readonly identity: 'd' | 'n' | 'f' | 'i'
  readonly primaryKey: readonly string[]
  readonly deferrableKey: boolean
  /** It is a partitioned table. */
  readonly partitioned: boolean
  /** The partitioned tables of which it is a partition, from its parent to the root. */
  readonly ancestors: readonly number[]
  /** Of it and of each of its ancestors: the parent, and the transaction that made it a partition of that. */
  readonly attachedBy: string
  /** The oids of its memberships of publications that name it. While there is one, PostgreSQL refuses SET UNLOGGED. */
  readonly namedBy: readonly number[]
  /** It was altered since it was made. */
  readonly isAltered: boolean
  /** It is a partition and has pages, so it may have rows. */
  readonly hasPages: boolean
  /** The oid of the constraint that is the primary key, or else of the index that is the replica identity; 0: there is none. Neither gets other columns. */
  readonly keyOid: number
  readonly fileNode: number
  /** The table of its values that are stored out of line; 0: it has none. Only an ALTER TABLE that writes all rows anew gives it another one. */
  readonly toast: number
  readonly columns: readonly ColumnFacts[]
  /** Of every row of pg_attribute, also those of dropped columns: the number of the column and the transaction that wrote the row. */
  readonly written: string
}

export interface ColumnFacts {
  readonly name: string
  readonly attnum: number
  readonly typeOid: number
  readonly typmod: number
  readonly typeName: string
  readonly notNull: boolean
  readonly hasDefault: boolean
  readonly generated: boolean
  readonly missing: string | null
  readonly identity: '' | 'a' | 'd'
}

export interface TypeFacts {
  readonly schema: string
  readonly name: string
  readonly kind: string
  readonly category: string
  readonly length: number
  readonly element: number
  readonly base: number
  readonly typmod: number
  readonly delimiter: string
  /** Of a range its subtype, of a multirange its range; 0: it is neither. */
  readonly range: number
  /** The relation that has the attributes of a composite type; 0: it is none. */
  readonly relation: number
  readonly attributes: readonly AttributeRow[]
  /** Transactions that wrote the rows of pg_type and pg_enum. */
  readonly written: string
}

export interface CatalogueFacts {
  readonly tables: ReadonlyMap<number, TableFacts>
  /** The types of their columns and all types that these consist of. */
  readonly types: ReadonlyMap<number, TypeFacts>
}

/** The connection must have `rowTextParameters`: values and names of types are then printed as in the stream of rows. */
export async function catalogueFacts(connection: Queries, relids: readonly number[]): Promise<CatalogueFacts> {
  return relids.length === 0
    ? { tables: new Map(), types: new Map() }
    : factsOf(await connection.query(factsSql(relids)))
}

export function factsOf(rows: readonly (readonly (string | null)[])[]): CatalogueFacts {
  const tables = new Map<number, TableFacts>()
  const types = new Map<number, TypeFacts>()
  for (const [kind, oid, json] of rows) {
    const facts: unknown = JSON.parse(json ?? 'null')
    if (kind === 'table') tables.set(Number(oid), facts as TableFacts)
    else types.set(Number(oid), facts as TypeFacts)
  }
  return { tables, types }
}

/** The statement has three columns: `table` or `type`, the oid, and the facts as JSON. `types` are read, too, where they exist. */
export function factsSql(relids: readonly number[], types: readonly number[] = []): string {
  return `WITH RECURSIVE attributes AS MATERIALIZED (
  SELECT a.*, a.xmin::text AS written FROM pg_attribute a WHERE attrelid = ANY ('{${relids.join(',')}}'::oid[]) AND attnum > 0
), used (type) AS (
  (SELECT atttypid FROM attributes WHERE NOT attisdropped UNION SELECT unnest('{${types.join(',')}}'::oid[]))
  UNION
  SELECT part.type FROM used JOIN pg_type t ON t.oid = used.type, LATERAL (
    SELECT t.typbasetype AS type
    UNION ALL SELECT t.typelem
    UNION ALL SELECT atttypid FROM pg_attribute WHERE attrelid = t.typrelid AND t.typrelid <> 0 AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT rngsubtype FROM pg_range WHERE rngtypid = t.oid AND t.typtype = 'r'
    UNION ALL SELECT rngtypid FROM pg_range WHERE rngmultitypid = t.oid AND t.typtype = 'm'
  ) part WHERE part.type <> 0
), columns AS (
  SELECT attrelid, json_agg(json_build_object('name', attname, 'attnum', attnum, 'typeOid', atttypid::bigint, 'typmod', atttypmod,
      'typeName', format_type(atttypid, atttypmod), 'notNull', attnotnull, 'hasDefault', atthasdef, 'generated', attgenerated = 's',
      'missing', CASE WHEN atthasmissing THEN array_to_string(attmissingval, '') END, 'identity', attidentity) ORDER BY attnum)
      FILTER (WHERE NOT attisdropped AND (attgenerated = '' OR attgenerated = 's' AND current_setting('server_version_num')::int >= 180000)) AS list,
    string_agg(attnum || ':' || written, ',' ORDER BY attnum) AS written
  FROM attributes GROUP BY attrelid
)
SELECT 'table', c.oid::text, json_build_object('database', current_database(), 'schema', n.nspname, 'name', c.relname,
  'identity', c.relreplident, 'primaryKey', coalesce(k.columns, '[]'), 'deferrableKey', coalesce(k.deferrable, false),
  'partitioned', c.relkind = 'p', 'attachedBy', coalesce(up.by, ''), 'namedBy', coalesce((SELECT json_agg(r.oid::bigint ORDER BY r.oid) FROM pg_publication_rel r WHERE prrelid = c.oid), '[]'), 'isAltered', c.xmin IS DISTINCT FROM (SELECT a.xmin FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = -1), 'hasPages', c.relispartition AND c.relkind = 'r' AND pg_relation_size(c.oid) > 0, 'ancestors', CASE WHEN c.relispartition THEN coalesce((SELECT json_agg(a.relid::oid::bigint ORDER BY place)
    FROM pg_partition_ancestors(c.oid) WITH ORDINALITY AS a (relid, place) WHERE a.relid <> c.oid), '[]') ELSE '[]' END,
  'keyOid', coalesce(k.oid, 0), 'fileNode', c.relfilenode::bigint, 'toast', c.reltoastrelid::bigint, 'columns', coalesce(columns.list, '[]'),
  'written', coalesce(columns.written, ''))::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN columns ON columns.attrelid = c.oid
LEFT JOIN ${attachedBySql(`SELECT unnest('{${relids.join(',')}}'::oid[])`)} AS up ON up.relid = c.oid
LEFT JOIN LATERAL (
  SELECT NOT i.indimmediate AS deferrable, coalesce((SELECT p.oid::bigint FROM pg_constraint p WHERE p.conrelid = c.oid AND p.conindid = i.indexrelid AND p.contype = 'p'), i.indexrelid::bigint) AS oid,
    (SELECT json_agg(attname ORDER BY place) FROM unnest(i.indkey) WITH ORDINALITY AS u (attnum, place)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum WHERE place <= i.indnkeyatts) AS columns
  FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisprimary OR c.relreplident = 'i' AND i.indisreplident) ORDER BY i.indisprimary DESC LIMIT 1
) k ON true
WHERE c.oid = ANY ('{${relids.join(',')}}'::oid[])
UNION ALL
SELECT 'type', t.oid::text, json_build_object('schema', n.nspname, 'name', t.typname, 'kind', t.typtype, 'category', t.typcategory,
  'length', t.typlen, 'element', t.typelem::bigint, 'base', t.typbasetype::bigint, 'typmod', t.typtypmod, 'delimiter', t.typdelim,
  'range', coalesce((SELECT CASE t.typtype WHEN 'r' THEN rngsubtype ELSE rngtypid END::bigint FROM pg_range WHERE t.oid IN (rngtypid, rngmultitypid)), 0),
  'relation', CASE t.typtype WHEN 'c' THEN t.typrelid::bigint ELSE 0 END,
  'attributes', coalesce((SELECT json_agg(json_build_array(attnum, CASE WHEN NOT attisdropped THEN attname END, atttypid::bigint, a.xmin::text::bigint) ORDER BY attnum)
    FROM pg_attribute a WHERE t.typtype = 'c' AND attrelid = t.typrelid AND attnum > 0), '[]'),
  'written', t.xmin::text || coalesce((SELECT '/' || string_agg(e.oid || ':' || e.xmin::text, ',' ORDER BY e.oid) FROM pg_enum e WHERE t.typtype = 'e' AND enumtypid = t.oid), ''))::text
FROM used JOIN pg_type t ON t.oid = used.type JOIN pg_namespace n ON n.oid = t.typnamespace`
}

/** A subquery with the text of `TableFacts.attachedBy` of each of the tables. A partition that is attached again has another row in pg_inherits. */
export const attachedBySql = (tables: string): string => `(WITH RECURSIVE up (relid, parent, by, level) AS (
    SELECT i.inhrelid, i.inhparent, i.xmin::text, 1 FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid WHERE i.inhrelid IN (${tables}) AND p.relispartition
    UNION ALL SELECT up.relid, i.inhparent, i.xmin::text, level + 1 FROM up JOIN pg_inherits i ON i.inhrelid = up.parent JOIN pg_class p ON p.oid = i.inhrelid WHERE p.relispartition
  ) SELECT relid, string_agg(parent::oid || ':' || by, ',' ORDER BY level) AS by FROM up GROUP BY relid)`
