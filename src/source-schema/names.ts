// Names of what stands in a source database.

import { ourLockWait } from './explain-lock.ts'

export const publication = 'pg_changefeed'
export const publicationSettings = `publish = ''insert, update, delete, truncate'', publish_via_partition_root = false`
/** Slots have one name space for all databases of a cluster; an oid stays when a database is renamed. */
export function slotName(databaseOid: string): string {
  return `pg_changefeed_${databaseOid}`
}

export const installLockTable = 'pg_catalog.pg_event_trigger'
/**
 * One at a time installs or removes what is ours. A lock by a number would be anybody's to take and to keep; this one only
 * superusers and who maintains the catalogue can take. Nobody who reads the catalogue or makes event triggers is in its way.
 */
export const installLockSql = `SELECT set_config('lock_timeout', ${ourLockWait}, true); LOCK TABLE ${installLockTable} IN SHARE UPDATE EXCLUSIVE MODE;`
