// Finds a position in the WAL before which every commit is whole and durable. The flush position that the server reports may lie
// inside a record, and after a crash another commit may begin before it.

import { setTimeout as delay } from 'node:timers/promises'
import { parseLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { Queries } from './queries.ts'

/** `local`: the commit does not wait for a standby. */
export const markSql = `SELECT pg_catalog.set_config('synchronous_commit', 'local', true), pg_catalog.pg_logical_emit_message(true, 'pg_changefeed', '')::text`

/** The position at which the next record will begin, and the flush position of that time or of an earlier one. */
export const boundarySql = `SELECT pg_current_wal_insert_lsn()::text, pg_current_wal_flush_lsn()::text`

/** The WAL writer flushes a commit that nobody waits for within three rounds, of 200 ms where nobody has changed it. */
const unforcedSql = `SELECT pg_current_xact_id()`
const againMs = 20

/** Everything that was committed and visible when this was called lies before the position. */
export async function flushedMark(connection: Queries): Promise<Lsn> {
  try {
    const [row] = await connection.query(markSql)
    return parseLsn(row?.[1] ?? '')
  } catch (error) {
    if (!(error instanceof FeedError) || error.sqlstate !== '42501') throw error
  }
  // A DBA has taken the function away from everybody.
  const [now] = await connection.query(boundarySql)
  const end = parseLsn(now?.[0] ?? '')
  await connection.query(unforcedSql)
  for (let flushed = parseLsn(now?.[1] ?? ''); flushed < end;) {
    await delay(againMs)
    const [row] = await connection.query(boundarySql)
    flushed = parseLsn(row?.[1] ?? '')
  }
  return end
}
