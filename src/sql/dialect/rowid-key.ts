// The key of a table that was created without one: a column `rowid INT8 DEFAULT unique_rowid()`, as in CockroachDB, which
// hides this column. PostgreSQL cannot hide a column, so a table gets it only when something needs it: when a changefeed
// first watches the table, or when an INSERT names it in RETURNING. Until then no dump, COPY, ATTACH or object mapper meets
// a column that the owner of the table did not define.

export interface KeylessFacts {
  /** `schema.table`, quoted where necessary. */
  readonly table: string
  /** Whether the role of the session may alter the table, and the root of the partitions that it belongs to. */
  readonly isOwner: boolean
  readonly owner: string
  /** Whether the table was created with OF, so that its columns are those of a type. */
  readonly isTyped: boolean
  /** `schema.table` of the topmost partitioned table, if the table is a partition. */
  readonly root: string | null
  /** A column rowid that exists already, for example inherited, and is no key. */
  readonly spare: string | null
  /** An unused name for a new column: rowid, or rowid_1 and so on if the table has a rowid. */
  readonly free: string
}

/**
 * An expression of type json over `pg_class c JOIN pg_namespace n`. It names the schema of every operator: see `catalogueSql`.
 * `role`: an expression for the OID of the role; undefined: that of the session.
 */
export function keylessFactsSql(role?: string): string {
  const of = role === undefined ? '' : `${role}, `
  return `pg_catalog.json_build_object(
  'table', pg_catalog.format('%I.%I', n.nspname, c.relname),
  'isOwner', pg_catalog.pg_has_role(${of}c.relowner, 'USAGE') AND (NOT c.relispartition OR
    (SELECT pg_catalog.pg_has_role(${of}r.relowner, 'USAGE') FROM pg_catalog.pg_class r WHERE r.oid OPERATOR(pg_catalog.=) pg_catalog.pg_partition_root(c.oid))),
  'owner', pg_catalog.pg_get_userbyid(c.relowner),
  'isTyped', c.reloftype OPERATOR(pg_catalog.<>) 0::pg_catalog.oid,
  'root', CASE WHEN c.relispartition THEN (SELECT pg_catalog.format('%I.%I', rn.nspname, r.relname) FROM pg_catalog.pg_class r
    JOIN pg_catalog.pg_namespace rn ON rn.oid OPERATOR(pg_catalog.=) r.relnamespace WHERE r.oid OPERATOR(pg_catalog.=) pg_catalog.pg_partition_root(c.oid)) END,
  'spare', (SELECT a.attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef d ON d.adrelid OPERATOR(pg_catalog.=) a.attrelid AND d.adnum OPERATOR(pg_catalog.=) a.attnum
    WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND NOT a.attisdropped AND a.atttypid OPERATOR(pg_catalog.=) 'pg_catalog.int8'::pg_catalog.regtype AND a.attname OPERATOR(pg_catalog.~) '^rowid(_[0-9]+)?$'
      AND pg_catalog.pg_get_expr(d.adbin, d.adrelid) OPERATOR(pg_catalog.=) 'unique_rowid()' ORDER BY a.attnum LIMIT 1),
  'free', (SELECT new.name FROM pg_catalog.generate_series(0, 1600) AS i
    CROSS JOIN LATERAL (SELECT CASE WHEN i OPERATOR(pg_catalog.=) 0 THEN 'rowid' ELSE pg_catalog.concat('rowid_', i) END) AS new (name)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attname OPERATOR(pg_catalog.=) new.name AND NOT a.attisdropped
      AND (a.attrelid OPERATOR(pg_catalog.=) c.oid OR a.attrelid OPERATOR(pg_catalog.=) ANY (ARRAY(
        SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent OPERATOR(pg_catalog.=) c.oid)))) ORDER BY i LIMIT 1)
)`
}

export interface KeyToAdd {
  readonly column: string
  /** The statements to run, in this order, in one transaction. */
  readonly statements: readonly string[]
}

export function keyToAdd({ table, root, spare, free }: KeylessFacts): KeyToAdd {
  const makesKey = `ALTER TABLE ONLY ${table} ADD PRIMARY KEY (${spare ?? free})`
  if (spare !== null) return { column: spare, statements: [makesKey] }
  // The column is added to all partitions, without ONLY, because PostgreSQL refuses a column of a parent or of one partition
  // alone. It does not refuse a key of one table alone.
  const addsColumn = `ALTER TABLE ${root ?? table} ADD COLUMN ${free} INT8 NOT NULL DEFAULT unique_rowid()`
  return { column: free, statements: [addsColumn, makesKey] }
}
