// The end of a log whose database has no watched table any more. Its folder gets another name first; then what is in the
// database goes, and then the folder. A start after a crash in between goes on here.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { uninstall } from '../../source-schema/uninstall.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'

const suffix = '.retired'

/** Takes the log out of use. Nobody may write it any more. */
export function retireLog(dir: string): void {
  rmSync(dir + suffix, { recursive: true, force: true })
  if (existsSync(dir)) renameSync(dir, dir + suffix)
  else mkdirSync(dir + suffix, { mode: 0o700 })
}

/** The oids of databases whose logs were taken out of use in the folder of all logs, and are still there. */
export function retiredLogs(root: string): string[] {
  return readdirSync(root).flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []))
}

export interface RetiredLog {
  readonly root: string
  readonly oid: string
  /** Undefined: the database does not exist any more. */
  readonly database: SourceConnection | undefined
}

/** False: tables are watched again, and the log is in use again. */
export async function removeRetired({ root, oid, database }: RetiredLog): Promise<boolean> {
  const dir = join(root, oid)
  // Where a new log has begun, it has the slot now.
  if (database !== undefined && !existsSync(dir) && !(await uninstall(database))) {
    renameSync(dir + suffix, dir)
    return false
  }
  rmSync(dir + suffix, { recursive: true, force: true })
  return true
}
