// Moves the slot between pulls, and what makes that cheap for the next ones.

import { formatLsn, type Lsn } from '../core/lsn.ts'
import type { Queries } from '../postgres/queries.ts'

/** PostgreSQL has the function since version 16. Others than superusers may call it if a DBA lets them; without it the pulls decode more. */
export const noteRunningSql = `DO $$ BEGIN
  IF current_setting('server_version_num')::int >= 160000 THEN
    IF has_function_privilege('pg_log_standby_snapshot()', 'EXECUTE') THEN PERFORM pg_log_standby_snapshot(); END IF;
  END IF;
END $$`

/** Makes the slot forget everything before `durable`, without decoding it. `connection` is one for the slot, which is idle. */
export async function advance(connection: Queries, slot: string, durable: Lsn): Promise<void> {
  const lsn = formatLsn(durable)
  await connection.query(
    `SELECT pg_replication_slot_advance('${slot}', '${lsn}') FROM pg_replication_slots WHERE slot_name = '${slot}' AND confirmed_flush_lsn < '${lsn}'`,
  )
}
