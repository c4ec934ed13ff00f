// The names of our objects in a source database.

import { eventTriggers, tables } from './objects.ts'

export const publication = 'pg_changefeed'
/** The comment on our publication. */
export const publicationMark = 'pg-changefeed: what changefeeds read'
/**
 * How the comment begins on a publication that a DBA has made with the script of `changefeed setup-sql`. Behind it, in lines of
 * their own, are the statements that undo what else the script has done.
 */
export const preparedMark = 'pg-changefeed: prepared by a script of changefeed setup-sql'

export const ourTables = Object.keys(tables)
export const ourEventTriggers = Object.keys(eventTriggers)

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
