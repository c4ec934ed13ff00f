// Removes from a source database what we have installed: the slot, the event triggers, the publication, our tables and
// functions, and our schema unless it contains objects of somebody else. Each step may be repeated. Where a DBA has prepared the
// database, only the slot is ours.

import { setTimeout as delay } from 'node:timers/promises'
import { FeedError } from '../errors/feed-error.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import { findSlotFunctions, isNoRight, setRoleSql } from '../postgres/slot-access.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { explainDdl } from './explain-ddl.ts'
import { explainLock } from './explain-lock.ts'
import { installLockTable, slotName } from './names.ts'
import { hasOurTablesSql, hasAnythingSql } from './ownership.ts'
import { isPrepared } from './source-mode.ts'
import { sqlOf } from './sql-files.ts'

/** A walsender whose client is gone keeps the slot for a moment. */
const slotFree = { withinMs: 5000, everyMs: 50 }
const objectInUse = '55006'

/** Returns false, and changes nothing, if tables of the database are watched. */
export async function uninstall(source: SourceConnection): Promise<boolean> {
  await using connection = await openRawConnection({ source })
  const [oidRow] = await connection.query('SELECT oid::text FROM pg_database WHERE datname = current_database()')
  if (await isPrepared(connection, source)) {
    await dropSlot(connection, slotName(oidRow?.[0] ?? ''))
    return true
  }
  const what = 'what changefeeds keep in this database cannot be removed'
  const begun = connection.query(`BEGIN; ${sqlOf(['install-lock', 'refuse-newer'])}`)
  await explainLock(connection, { what, relation: installLockTable }, begun)
  const [own] = await connection.query(
    `SELECT oid::text, ${hasOurTablesSql}, ${hasAnythingSql} FROM pg_database WHERE datname = current_database()`,
  )
  const [oid, isInstalled, isAnything] = own ?? []
  if (isInstalled === 't' && (await connection.query('SELECT FROM changefeed.watched LIMIT 1')).length > 0) {
    await connection.query('ROLLBACK')
    return false
  }
  // If nothing of ours is there, no DDL runs: the database might refuse it.
  const sql =
    isAnything === 't'
      ? `SELECT set_config('changefeed.internal', 'on', true); ${sqlOf(['release', 'remove'])} COMMIT`
      : 'COMMIT'
  await explainDdl(what, connection.query(sql))
  await dropSlot(connection, slotName(oid ?? ''))
  return true
}

async function dropSlot(connection: RawConnection, slot: string): Promise<void> {
  const deadline = Date.now() + slotFree.withinMs
  let asRole: string | undefined
  for (;;) {
    try {
      await connection.query(
        `${asRole ?? ''}SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${slot}' AND database = current_database() AND plugin = 'pgoutput'`,
      )
      return
    } catch (error) {
      if (asRole === undefined && isNoRight(error)) {
        // Our role may be a member of one that may drop it.
        const functions = await findSlotFunctions(connection)
        if (functions === undefined) throw error
        asRole = `${setRoleSql(functions)}; `
        continue
      }
      if (!(error instanceof FeedError) || error.sqlstate !== objectInUse || Date.now() > deadline) throw error
      await delay(slotFree.everyMs)
    }
  }
}
