// The slot that a source is read from. From PostgreSQL 17 on it is a failover slot: standbys with sync_replication_slots keep a copy
// of it, from which reading continues after a promotion. That costs nothing where there is no standby.

import { parseLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { Queries } from '../postgres/queries.ts'
import { slotReaderSql } from '../source-schema/slot-reader.ts'
import type { SlotFacts } from './source-check.ts'

export interface SlotAtHand {
  /** An ordinary connection. */
  readonly control: Queries
  /** A connection with replication=database, or one that may use the SQL functions for slots. */
  readonly replication: Queries
  readonly usesFunctions: boolean
  readonly slot: string
}

/** `ownPids`: the processes of PostgreSQL that serve the connections of this server. */
export async function readSlot(
  control: Queries,
  slot: string,
  ownPids: readonly number[],
): Promise<SlotFacts | undefined> {
  // PostgreSQL has invalidation_reason since version 17; to_jsonb reads it where it exists.
  const rows = await control.query(
    `SELECT confirmed_flush_lsn::text, wal_status, to_jsonb(s) ->> 'invalidation_reason', plugin::text, (${slotReaderSql(ownPids)})::text FROM pg_replication_slots s WHERE slot_name = '${slot}' AND database = current_database()`,
  )
  const row = rows[0]
  if (row === undefined) return undefined
  return {
    confirmedLsn: row[0] == null ? 0n : parseLsn(row[0]),
    walStatus: row[1] ?? null,
    invalidationReason: row[2] ?? null,
    plugin: row[3] ?? '',
    readerPid: row[4] == null ? null : Number(row[4]),
  }
}

/** Whether PostgreSQL has decoded any transaction for somebody who read the slot. */
export async function wasSlotRead(control: Queries, slot: string): Promise<boolean> {
  const [row] = await control.query(
    `SELECT FROM pg_stat_replication_slots WHERE slot_name = '${slot}' AND total_txns > 0`,
  )
  return row !== undefined
}

/** Waits for the open write transactions. Returns the consistent point: later commits will be streamed. */
export async function createSlot({ control, replication, usesFunctions, slot }: SlotAtHand): Promise<Lsn> {
  if (usesFunctions) {
    const failover = (await hasFailoverSlots(control)) ? ', failover => true' : ''
    const [row] = await replication.query(
      `SELECT lsn::text FROM pg_create_logical_replication_slot('${slot}', 'pgoutput'${failover})`,
    )
    return parseLsn(row?.[0] ?? '')
  }
  // Versions before 17 have no failover slots, and 14 has no options in parentheses.
  const options = (await hasFailoverSlots(control)) ? `(SNAPSHOT 'nothing', FAILOVER true)` : 'NOEXPORT_SNAPSHOT'
  const rows = await replication.query(`CREATE_REPLICATION_SLOT "${slot}" LOGICAL pgoutput ${options}`)
  const point = rows[0]?.[1]
  if (point == null) throw new FeedError('FEED_PROTOCOL', 'CREATE_REPLICATION_SLOT gave no consistent point')
  return parseLsn(point)
}

/** Makes a failover slot of a slot that an earlier version of this program, or of PostgreSQL, has made. */
export async function keepForStandbys({ control, replication, usesFunctions, slot }: SlotAtHand): Promise<void> {
  // There is no SQL function that alters a slot.
  if (usesFunctions || !(await hasFailoverSlots(control))) return
  const [row] = await control.query(
    `SELECT (to_jsonb(s) ->> 'failover')::text FROM pg_replication_slots s WHERE slot_name = '${slot}'`,
  )
  if (row?.[0] === 'false') await replication.query(`ALTER_REPLICATION_SLOT "${slot}" (FAILOVER true)`)
}

/** A standby cannot have slots that are copied to standbys. */
async function hasFailoverSlots(control: Queries): Promise<boolean> {
  const [row] = await control.query(
    `SELECT current_setting('server_version_num')::int >= 170000 AND NOT pg_is_in_recovery()`,
  )
  return row?.[0] === 't'
}
