// The PostgreSQL that a process has started which a test interrupts.

import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './until.ts'

/** Path of the file with the pid of the PostgreSQL below the folder for temporary files `dir`. */
export function startedPostgres(dir: string): Promise<string> {
  return until('a PostgreSQL has been started', 60_000, () => {
    const [found] = globSync('*/*/postgres/postmaster.pid', { cwd: dir })
    return found !== undefined && readFileSync(join(dir, found), 'utf8').includes('\n') ? join(dir, found) : undefined
  })
}

/** A process that has ended, and whose end nobody has asked for yet, has no arguments any more. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !existsSync('/proc') || readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch {
    return false
  }
}
