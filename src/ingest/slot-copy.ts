// A temporary copy of the slot, from which bulk pulls come one right after the other: the copy forgets what a pull has
// brought when the server has collected it. The slot itself is not moved by that. It is moved beside the pulls, as far as the
// log is durable, and so a crash at any moment loses nothing. The copy ends with its connection, whoever ends that.
//
// There is no copy, and pulls are made from the slot itself, where no two slots are free or we have no right to make one; and where
// PostgreSQL sends changes of the slot only when some standbys have them (synchronized_standby_slots): that does not hold for copies.

import { randomBytes } from 'node:crypto'
import { FeedError } from '../errors/feed-error.ts'
import type { Lsn } from '../core/lsn.ts'
import type { Queries } from '../postgres/queries.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { slotIsKeptSql } from './bulk-pull.ts'

/** A machine of ours that is gone without a word must not keep WAL by its copy: PostgreSQL ends the session. */
const endsSoonSql = `SET idle_session_timeout = '60s'; SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 15; SET tcp_keepalives_count = 3`
const waitsForNoStandbySql = `coalesce(current_setting('synchronized_standby_slots', true), '') = ''`
/** A scan that begins meanwhile needs a slot, too. */
const twoAreFreeSql = `(SELECT count(*) + 2 FROM pg_replication_slots) <= current_setting('max_replication_slots')::int`
/** SQLSTATEs for: no free slot, no free connection, no right, a slot that cannot be copied. */
const noCopy: ReadonlySet<string> = new Set(['53400', '53300', '42501', '0A000', '55000'])

export interface SlotCopy extends AsyncDisposable {
  readonly name: string
  readonly connection: RawConnection
}

/** The connections for pulls from copies. */
export interface PullConnections {
  /** Opens an ordinary connection. */
  open(): Promise<RawConnection>
  /** Settles when the server has closed the connection, and has dropped its copy. */
  close(connection: RawConnection): Promise<void>
}

/** Undefined: there can be none. */
export async function copySlot(slot: string, connections: PullConnections): Promise<SlotCopy | undefined> {
  const name = `pg_changefeed_pull_${randomBytes(6).toString('hex')}`
  let connection: RawConnection | undefined
  const close = async (): Promise<void> => {
    if (connection !== undefined) await connections.close(connection)
  }
  try {
    connection = await connections.open()
    await connection.query(endsSoonSql)
    const copied = await connection.query(
      `SELECT pg_catalog.pg_copy_logical_replication_slot('${slot}', '${name}', true) WHERE ${waitsForNoStandbySql} AND ${twoAreFreeSql}`,
    )
    if (copied.length > 0) return { name, connection, [Symbol.asyncDispose]: close }
  } catch (error) {
    if (!(error instanceof FeedError) || !noCopy.has(error.sqlstate)) throw error
  }
  await close()
  return undefined
}

/** Whether the copy may still be pulled from: the slot is where it was or not beyond the log, and no standby is waited for. */
export async function mayPullFromCopy(control: Queries, slot: string, logEnd: Lsn): Promise<'yes' | 'no' | 'moved'> {
  const [row] = await control.query(`SELECT (${slotIsKeptSql(slot, logEnd)}), ${waitsForNoStandbySql}`)
  if (row?.[0] !== 't') return 'moved'
  return row[1] === 't' ? 'yes' : 'no'
}
