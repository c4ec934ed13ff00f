// Removes the log of a database that has no watched table any more. First the folder is renamed; then our objects are removed
// from the database, and then the folder is removed. After a crash in between, the next start continues.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { keepChangelog } from '../../changelog/keep-changelog.ts'
import { logInFolder } from '../../changelog/open-changelog.ts'
import { ownsSlot } from '../../ingest/source-identity.ts'
import { uninstall } from '../../source-schema/uninstall.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'

const suffix = '.retired'

/** Takes the log in a folder out of use. Its writer must have stopped. */
export function retireLog(dir: string): void {
  rmSync(dir + suffix, { recursive: true, force: true })
  if (existsSync(dir)) renameSync(dir, dir + suffix)
  else mkdirSync(dir + suffix, { mode: 0o700 })
}

/** Returns the oids of databases whose retired logs are still in `root`, the folder of all logs. */
export function retiredLogs(root: string): string[] {
  return readdirSync(root).flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []))
}

export interface RetiredLog {
  readonly root: string
  readonly oid: string
  /** The database; undefined if it does not exist any more. */
  readonly database: SourceConnection | undefined
}

/** Returns false if tables are watched again: the log is then in use again. */
export async function removeRetired({ root, oid, database }: RetiredLog): Promise<boolean> {
  const dir = join(root, oid)
  // If a new log has begun, the slot belongs to the new log. If none was made for this one, another server may need what is there.
  const isOurs = database?.isOwnServer === true || ownsSlot(keepChangelog(logInFolder(dir + suffix)))
  if (database !== undefined && isOurs && !existsSync(dir) && !(await uninstall(database))) {
    renameSync(dir + suffix, dir)
    return false
  }
  rmSync(dir + suffix, { recursive: true, force: true })
  return true
}
