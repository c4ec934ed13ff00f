// Names of what stands in a source database.

export const publication = 'pg_changefeed'
export const publicationSettings = `publish = ''insert, update, delete, truncate'', publish_via_partition_root = false`
/** Slots have one name space for all databases of a cluster; an oid stays when a database is renamed. */
export function slotName(databaseOid: string): string {
  return `pg_changefeed_${databaseOid}`
}
