// Says who holds a lock on an object of ours when waiting for the lock has timed out.

import { FeedError } from '../errors/feed-error.ts'
import type { Queries } from '../postgres/queries.ts'
import { isLocked } from '../postgres/table-locks.ts'

/** How long we wait for locks on our objects. They are held for moments only. */
export const ourLockWait = '10s'

const holdersSql = (relation: string): string => `SELECT DISTINCT CASE WHEN l.pid IS NULL THEN 'a prepared transaction'
    ELSE format('process %s of user "%s"', l.pid, coalesce(a.usename, '?')) END
  FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
  WHERE l.granted AND l.locktype = 'relation' AND l.relation = to_regclass('${relation}') AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')`

/** Like `explainDdl`, for a lock on `relation`. The transaction is rolled back if `work` fails. */
export async function explainLock<T>(
  connection: Queries,
  { what, relation }: { readonly what: string; readonly relation: string },
  work: Promise<T>,
): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!isLocked(error)) throw error
    await connection.query('ROLLBACK')
    const holders = (await connection.query(holdersSql(relation))).map(([holder]) => holder ?? '').join(', ')
    throw new FeedError(error.code, `${what}: ${holders || 'another transaction'} has a lock on ${relation}`, {
      sqlstate: error.sqlstate,
      hint: 'end that transaction and try again; SELECT pg_terminate_backend(…) ends one by the number of its process',
      cause: error,
    })
  }
}
