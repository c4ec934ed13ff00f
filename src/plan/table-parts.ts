// Parts of the query of the catalogue (catalogue.ts): the partitions of a target, and the indexes that could give it a key. Both are
// subqueries over pg_class c, and name the schema of every operator for the same reason.

import { partsOf } from '../core/partitions-of.ts'

/** A partition of a target. */
export interface PartitionFacts {
  readonly relid: number
  readonly schema: string
  readonly name: string
  /** pg_class.relkind: r f, or p for one that has partitions itself. */
  readonly kind: string
  readonly persistence: string
  readonly identity: 'd' | 'n' | 'f' | 'i'
  /** The columns that UPDATEs and DELETEs log of the old row; of FULL none. */
  readonly identityColumns: readonly string[]
  readonly outOfLine: boolean
  /** A virtual generated column; null: it has none. */
  readonly virtualColumn: string | null
}

/** The name of an index that REPLICA IDENTITY USING INDEX takes. */
export const usableIndexSql = `SELECT x.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid OPERATOR(pg_catalog.=) i.indexrelid
  WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
    AND NOT EXISTS (SELECT FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.=) k.attnum
      WHERE k.place OPERATOR(pg_catalog.<=) i.indnkeyatts AND NOT a.attnotnull)
  ORDER BY i.indnkeyatts, x.relname LIMIT 1`

export const partitionsSql = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'relid', l.oid::pg_catalog.int8, 'schema', ln.nspname, 'name', l.relname, 'kind', l.relkind, 'persistence', l.relpersistence, 'identity', l.relreplident,
    'outOfLine', l.reltoastrelid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid,
    'virtualColumn', (SELECT a.attname FROM pg_catalog.pg_attribute a
      WHERE a.attrelid OPERATOR(pg_catalog.=) l.oid AND a.attgenerated OPERATOR(pg_catalog.=) 'v' AND NOT a.attisdropped LIMIT 1),
    'identityColumns', coalesce((SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
      FROM pg_catalog.pg_index i CROSS JOIN pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) l.oid AND a.attnum OPERATOR(pg_catalog.=) k.attnum
      WHERE i.indrelid OPERATOR(pg_catalog.=) l.oid AND k.place OPERATOR(pg_catalog.<=) i.indnkeyatts AND i.indimmediate
        AND (l.relreplident OPERATOR(pg_catalog.=) 'd' AND i.indisprimary OR l.relreplident OPERATOR(pg_catalog.=) 'i' AND i.indisreplident)), '[]')
  ) ORDER BY l.oid), '[]')
  FROM (${partsOf('c.oid')}) p JOIN pg_catalog.pg_class l ON l.oid OPERATOR(pg_catalog.=) p.relid
  JOIN pg_catalog.pg_namespace ln ON ln.oid OPERATOR(pg_catalog.=) l.relnamespace WHERE l.oid OPERATOR(pg_catalog.<>) c.oid`
