// What lives in a source database: a schema of ours with the list of watched tables and their descriptions (each a TableDescription
// as JSON), event triggers that write a new description in the very transaction that changed the table, and a publication. The
// list is published like the watched tables themselves, so a description comes out of logical decoding exactly between the rows
// before and after the DDL, in the encoding that rows have, and only a role that may write the list can forge it.
//
// The SQL is in sql/, a file for each topic. functions.ts and objects.ts list what it creates, call.ts makes the calls. A
// database where somebody else has objects with our names is refused (ownership.ts), and one with a later version of ours
// (version.ts). Today all of this is done as a superuser; functions.ts says which rights each function really needs.

import type { Queries } from '../postgres/queries.ts'
import { FeedError } from '../errors/feed-error.ts'
import { explainDdl } from './explain-ddl.ts'
import { explainLock } from './explain-lock.ts'
import { installLockTable, nameArray, ourEventTriggers, publication } from './names.ts'
import { hasOurSchemaSql, isUntouchedSql, roleIsOurs } from './ownership.ts'
import { installFiles, installMark, sqlOf } from './sql-files.ts'
import { hasMarkSql } from './version.ts'

/** The query has one column: whether exactly this version is installed and its event triggers are enabled. */
export function installedSql(): string {
  const triggers = `(SELECT count(*) FROM pg_event_trigger e WHERE e.evtname = ANY ('${nameArray(ourEventTriggers)}'::name[]) AND ${isUntouchedSql})`
  return `SELECT ${hasOurSchemaSql} AND ${hasMarkSql(installMark())} AND EXISTS (SELECT FROM pg_publication p WHERE p.pubname = '${publication}' AND (SELECT ${roleIsOurs} FROM pg_roles r WHERE r.oid = p.pubowner)) AND ${triggers} = ${ourEventTriggers.length}`
}

/** Makes sure that exactly this version is installed. If it is, one query finds that out, and nothing is locked. */
export async function install(connection: Queries): Promise<void> {
  if ((await connection.query(installedSql()))[0]?.[0] === 't') return
  const what = 'what changefeeds need in this database cannot be installed'
  const sql = sqlOf(installFiles)
  const made = connection.query((await maySetTimeout(connection)) ? sql : sql.replace(timeoutClauses, ''))
  await explainLock(connection, { what, relation: installLockTable }, explainDdl(what, made))
}

/**
 * A short one makes autovacuum give way to our locks; without it, a lock that autovacuum holds is not waited for for so long. A long one
 * keeps PostgreSQL from ending a command of the application that a scan is about to give way to.
 */
const timeoutClauses = / SET deadlock_timeout = '\w+'/g

/** Whether our role may call functions with this clause. */
export async function maySetTimeout(connection: Queries): Promise<boolean> {
  try {
    await connection.query("SELECT set_config('deadlock_timeout', current_setting('deadlock_timeout'), true)")
    return true
  } catch (error) {
    if (error instanceof FeedError && error.sqlstate === '42501') return false
    throw error
  }
}
