// Whether the role that this server logs in with may read whole tables. PostgreSQL checks that only when a scan begins, and then for one
// table after the other; here it is an error of the statement that starts the changefeed, before anything is changed.

import { partsOf } from '../core/partitions-of.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { Queries } from '../postgres/queries.ts'

/** Throws FEED_PRIVILEGE for the first table that the role may not read, or of which row-level security would hide rows. */
export async function checkOwnRights(connection: Queries, relids: readonly number[]): Promise<void> {
  const [row] = await connection.query(lackingSql(relids))
  if (row === undefined) return
  const [role, schema, name, mayUse, parts, hidden] = row
  const whom = `role ${role}, with which this server logs in`
  const grants = [
    ...(mayUse === 't' ? [] : [`GRANT USAGE ON SCHEMA ${schema} TO ${role}`]),
    ...(parts == null ? [] : [`GRANT SELECT ON ${parts} TO ${role}`]),
  ]
  if (grants.length > 0) {
    throw new FeedError('FEED_PRIVILEGE', `table ${name} cannot be read by ${whom}`, { hint: grants.join('; ') })
  }
  throw new FeedError('FEED_PRIVILEGE', `table ${hidden} has row-level security, which hides rows from ${whom}`, {
    detail: 'The first scan would lack rows, and the stream of changes would have them.',
    hint: `ALTER ROLE ${role} BYPASSRLS`,
  })
}

/** Partitions are read one by one, so the role needs the right on each of them. */
function lackingSql(relids: readonly number[]): string {
  return `SELECT quote_ident(current_user), quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname), has_schema_privilege(n.oid, 'USAGE'),
  unreadable.names, unreadable.hidden
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT string_agg(format('%I.%I', pn.nspname, p.relname), ', ') FILTER (WHERE NOT has_table_privilege(p.oid, 'SELECT')) AS names,
    min(format('%I.%I', pn.nspname, p.relname)) FILTER (WHERE p.relrowsecurity AND row_security_active(p.oid)) AS hidden
  FROM pg_class p JOIN pg_namespace pn ON pn.oid = p.relnamespace
  WHERE p.oid = c.oid OR (c.relkind = 'p' AND p.oid IN (${partsOf('c.oid')}))
) AS unreadable
WHERE c.oid = ANY ('{${relids.join()}}'::oid[])
  AND (unreadable.names IS NOT NULL OR unreadable.hidden IS NOT NULL OR NOT has_schema_privilege(n.oid, 'USAGE'))
ORDER BY 3 LIMIT 1`
}
