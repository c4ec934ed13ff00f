// Names of what stands in a source database.

export const publication = 'pg_changefeed'
/** The comment on our publication. */
export const publicationMark = 'pg-changefeed: what changefeeds read'

export const ourTables = ['watched', 'source', 'type_locks'] as const
export const ourEventTriggers = [
  'pg_changefeed_ddl',
  'pg_changefeed_drop',
  'pg_changefeed_rewrite',
  'pg_changefeed_publication',
  'pg_changefeed_publication_drop',
] as const

/** All databases of a cluster share one name space for slots. The oid of a database stays when it is renamed. */
export function slotName(databaseOid: string): string {
  return `pg_changefeed_${databaseOid}`
}

/** The table whose lock sql/install-lock.sql takes. */
export const installLockTable = 'pg_catalog.pg_event_trigger'

/** An array of names, as the text of a value of type name[]. */
export function nameArray(names: readonly string[]): string {
  return `{${names.join(', ')}}`
}
