// pg_dump asks for the publications of a database in these words. Ours is left out: restored elsewhere
// it would make PostgreSQL refuse things (a table without its key, SET UNLOGGED) in a database that no changefeed reads.
// What it publishes goes with it, and the rest of what is ours is in no dump by itself (source-schema/sql/belong.sql).

import { publication } from '../../source-schema/names.ts'

const begin = 'SELECT p.tableoid, p.oid, p.pubname,'
const query = /^[^;']*FROM pg_publication p$/

/** Undefined: it is another query. */
export function withoutOurs(sql: string): string | undefined {
  return sql.startsWith(begin) && query.test(sql) ? `${sql} WHERE p.pubname <> '${publication}'` : undefined
}
