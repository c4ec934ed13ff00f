// What PostgreSQL says of locks: that a statement did not get one, and who has one.

import { FeedError } from '../errors/feed-error.ts'
import type { Queries } from './queries.ts'

/** lock_not_available, deadlock_detected. */
const lockStates: ReadonlySet<string> = new Set(['55P03', '40P01'])

/** Somebody else has the lock. Nothing is lost but the transaction: another attempt may get it. */
export function isLocked(error: unknown): error is FeedError {
  return error instanceof FeedError && lockStates.has(error.sqlstate)
}

/** Who keeps readers out of a relation. */
export interface ExclusiveLock {
  /** A session, for messages. */
  readonly who: string
  /** The table, the index or the composite type, for messages. */
  readonly what: string
  /** False: it waits for the lock, and whoever comes later waits behind it. */
  readonly isGranted: boolean
}

/** Returns undefined if no session has an ACCESS EXCLUSIVE lock on one of these relations, or waits for it. */
export async function exclusiveLock(
  connection: Queries,
  relations: Iterable<number>,
): Promise<ExclusiveLock | undefined> {
  const list = [...relations].join(', ')
  if (list === '') return undefined
  const [row] = await connection.query(`SELECT
      CASE WHEN l.pid IS NULL THEN 'a prepared transaction' ELSE format('process %s of user "%s"', l.pid, coalesce(a.usename, '?')) END,
      CASE c.relkind WHEN 'c' THEN 'type ' WHEN 'i' THEN 'index ' ELSE 'table ' END || format('%I.%I', n.nspname, c.relname), l.granted
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.relation IN (${list}) AND l.mode = 'AccessExclusiveLock'
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY l.granted DESC LIMIT 1`)
  return row === undefined ? undefined : { who: row[0] ?? '', what: row[1] ?? '', isGranted: row[2] === 't' }
}
