// Asks whether a scan would have to wait for the locks of its tables.

import type { RawConnection } from '../postgres/raw-connection.ts'

/** Whether no session has, or waits for, a lock that keeps readers out of the tables. */
export async function areTablesFree(control: RawConnection, relids: Iterable<number>): Promise<boolean> {
  const sql = `SELECT FROM pg_locks WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relation IN (${[...relids].join(', ')}) LIMIT 1`
  return (await control.query(sql)).length === 0
}
