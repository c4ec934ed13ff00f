// Answers two questions about watched tables: which of the tables that a changefeed wants are not watched as it wants, and
// since when a table is watched.

import { wallOfPgMicros, type Hlc } from '../core/hlc.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { call } from '../source-schema/call.ts'
import { explainLock, ourLockWait } from '../source-schema/explain-lock.ts'
import { pgMicrosSql } from './pg-micros.ts'
import { publication } from '../source-schema/names.ts'
import type { TableToWatch } from './watch-batch.ts'

/**
 * Locked while tables are given back, so that a changefeed that finds a table watched knows that it stays watched, if it has
 * registered its need of the table before. It is the lock of a table of ours: anybody could hold an advisory lock for ever.
 */
export const watchingTable = 'changefeed.source'

/** Sorted by oid, the order in which everybody locks tables. */
export async function notAsWanted(
  connection: RawConnection,
  tables: readonly TableToWatch[],
): Promise<readonly TableToWatch[]> {
  if (tables.length === 0) return []
  const asked = connection.query(
    `BEGIN; SET LOCAL lock_timeout = '${ourLockWait}'; LOCK TABLE ${watchingTable} IN ROW SHARE MODE; SELECT w.relid::text, c.relreplident, c.relispartition AND NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = '${publication}' AND r.prrelid = w.relid) FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid WHERE w.relid IN (SELECT ${call('published_among', { relations: tables.map(({ relid }) => relid) })}) AND (w.description ->> 'primaryKey' <> '[]' OR c.relispartition); COMMIT`,
  )
  const what = 'the tables of the changefeed cannot be taken under watch'
  const rows = await explainLock(connection, { what, relation: watchingTable }, asked)
  const found = rows.filter((row) => row.length === 3)
  const watched = new Map(found.map(([relid, identity]) => [Number(relid), identity]))
  // They would not be published any more when they are detached.
  const byAncestor = new Set(found.flatMap(([relid, , isByAncestor]) => (isByAncestor === 't' ? [Number(relid)] : [])))
  return tables
    .filter(({ relid, leafOf, statements }) => {
      if (leafOf === undefined && byAncestor.has(relid)) return true
      const identity = watched.get(relid)
      return identity === undefined || (statements !== undefined && statements.length > 0 && identity !== 'f')
    })
    .toSorted((a, b) => a.relid - b.relid)
}

/** Since when each table is watched; undefined: that is not known any more. */
export async function watchedSince(
  connection: RawConnection,
  tables: readonly TableToWatch[],
): Promise<ReadonlyMap<number, Hlc | undefined>> {
  // PostgreSQL keeps commit times as long as their transaction ids, if at all. Otherwise the time at which the row was written
  // is right, too: nobody writes to the table between that time and the commit.
  const since = `coalesce(CASE WHEN current_setting('track_commit_timestamp') = 'on' THEN pg_xact_commit_timestamp(since_xid::xid) END, since)`
  const rows = await connection.query(
    `SELECT relid::text, ${pgMicrosSql(since)}::text FROM changefeed.watched WHERE relid IN (${tables.map(({ relid }) => relid).join(', ')})`,
  )
  return new Map(
    rows.map(([relid, micros]) => [
      Number(relid),
      micros == null ? undefined : { wall: wallOfPgMicros(BigInt(micros)), logical: 0 },
    ]),
  )
}
