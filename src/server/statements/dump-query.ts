// Leaves our publication out of dumps. Restored in another database, the publication would make PostgreSQL refuse commands
// (UPDATE of a table without its key, SET UNLOGGED) although no changefeed reads that database. Without the publication
// pg_dump leaves out the list of its tables too. Our other objects are in no dump anyway (source-schema/sql/belong.sql).

import { publication } from '../../source-schema/names.ts'

const begin = 'SELECT p.tableoid, p.oid, p.pubname,'
const query = /^[^;']*FROM pg_publication p$/

/** Returns pg_dump's query for the publications without ours; undefined: `sql` is another query. */
export function withoutOurs(sql: string): string | undefined {
  return sql.startsWith(begin) && query.test(sql) ? `${sql} WHERE p.pubname <> '${publication}'` : undefined
}
