// What a role may do with a table, as SQL expressions over `pg_class c`. PostgreSQL itself does not check it: a replication connection
// shows every row that is published, also those that the role could not SELECT, or that row-level security hides from it.
//
// Every operator and function is written with its schema: see `catalogueSql`.

export interface RoleRights {
  /** SELECT on the whole table; columns alone are not enough, because a changefeed shows them all, and those added later. */
  readonly mayRead: boolean
  /** USAGE on the schema, without which PostgreSQL would refuse a SELECT, too. */
  readonly mayUseSchema: boolean
  /** The columns that the role may SELECT, if these are only some; null: it may read the table, or nothing of it. */
  readonly readableColumns: readonly string[] | null
  /** Row-level security hides rows from the role. */
  readonly rowSecurity: boolean
}

type Expressions = { readonly [Name in keyof RoleRights]: string }

/** `role`: an expression for its OID, which may be NULL for a role that is gone; undefined: the current role of the session. */
export function roleRightsSql(role?: string): Expressions {
  const of = role === undefined ? '' : `${role}, `
  const isTrue = (call: string): string => `coalesce(${call}, false)`
  const mayRead = isTrue(`pg_catalog.has_table_privilege(${of}c.oid, 'SELECT')`)
  return {
    mayRead,
    mayUseSchema: isTrue(`pg_catalog.has_schema_privilege(${of}c.relnamespace, 'USAGE')`),
    readableColumns: `CASE WHEN NOT ${mayRead} THEN (SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
      WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
        AND pg_catalog.has_column_privilege(${of}c.oid, a.attnum, 'SELECT')) END`,
    rowSecurity:
      role === undefined ? 'c.relrowsecurity AND pg_catalog.row_security_active(c.oid)' : rowSecurityOf(role),
  }
}

/** The rule of row_security_active() for another role: owners are free of it unless the table forces it upon them. */
function rowSecurityOf(role: string): string {
  return `c.relrowsecurity AND NOT coalesce((SELECT r.rolsuper OR r.rolbypassrls
      OR (NOT c.relforcerowsecurity AND pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE'))
    FROM pg_catalog.pg_roles r WHERE r.oid OPERATOR(pg_catalog.=) ${role}), false)`
}
