// Takes out of a source database what was put there: the slot, the event trigger, the publication, our schema. Each step
// may be repeated.

import { setTimeout as delay } from 'node:timers/promises'
import { FeedError } from '../errors/feed-error.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { explainDdl } from './explain-install.ts'
import { releaseSql } from './install-members.ts'
import { publication, slotName } from './install-names.ts'

/** A walsender whose client is gone has the slot for a moment. */
const slotFree = { withinMs: 5000, everyMs: 50 }
const objectInUse = '55006'

const oursSql = `SELECT FROM pg_namespace WHERE nspname = 'changefeed' UNION ALL SELECT FROM pg_publication WHERE pubname = '${publication}'
  UNION ALL SELECT FROM pg_event_trigger WHERE evtname LIKE 'pg\\_changefeed\\_%'`

/** False: tables are watched there, and nothing was changed. */
export async function uninstall(source: SourceConnection): Promise<boolean> {
  const connection = await openRawConnection({ source })
  try {
    const [own] = await connection.query(
      `SELECT oid::text, to_regclass('changefeed.watched') IS NOT NULL, EXISTS (${oursSql}) FROM pg_database WHERE datname = current_database()`,
    )
    const [oid, isInstalled, isAnything] = own ?? []
    await connection.query(`BEGIN; SELECT pg_advisory_xact_lock(hashtext('pg_changefeed install'))`)
    if (isInstalled === 't' && (await connection.query('SELECT FROM changefeed.watched LIMIT 1')).length > 0) {
      await connection.query('ROLLBACK')
      return false
    }
    // Where nothing is, no DDL is needed, which the database may refuse.
    const removeSql =
      isAnything === 't'
        ? `${releaseSql}DROP EVENT TRIGGER IF EXISTS pg_changefeed_ddl; DROP EVENT TRIGGER IF EXISTS pg_changefeed_drop; DROP EVENT TRIGGER IF EXISTS pg_changefeed_rewrite; DROP EVENT TRIGGER IF EXISTS pg_changefeed_publication; DROP EVENT TRIGGER IF EXISTS pg_changefeed_publication_drop; DROP PUBLICATION IF EXISTS ${publication}; DROP SCHEMA IF EXISTS changefeed CASCADE; COMMIT`
        : 'COMMIT'
    await explainDdl('what changefeeds keep in this database cannot be removed', connection.query(removeSql))
    const slot = slotName(oid ?? '')
    const deadline = Date.now() + slotFree.withinMs
    for (;;) {
      try {
        await connection.query(
          `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${slot}' AND database = current_database()`,
        )
        return true
      } catch (error) {
        if (!(error instanceof FeedError) || error.sqlstate !== objectInUse || Date.now() > deadline) throw error
        await delay(slotFree.everyMs)
      }
    }
  } finally {
    await connection.close()
  }
}
