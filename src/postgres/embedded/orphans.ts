// Ends the processes of a PostgreSQL whose postmaster has ended. Most of them notice it at once and end. One that is computing does not
// notice, and as long as it keeps the shared memory, no new postmaster can start, so it is killed. Nothing committed is lost, because
// the next start recovers from the write-ahead log.

import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const noticeWithinMs = 2000
const endWithinMs = 10_000

/** Settles when no process uses the data folder any more, or after a time limit. Call it only while no postmaster runs on the folder. */
export async function endOrphans(dir: string): Promise<void> {
  const startedAtMs = Date.now()
  for (;;) {
    const pids = processesOn(dir)
    const waitedMs = Date.now() - startedAtMs
    if (pids.length === 0 || waitedMs > endWithinMs) return
    if (waitedMs > noticeWithinMs) for (const pid of pids) kill(pid)
    await delay(20)
  }
}

/** Finds the server processes by their working directory, which is the data folder. Without /proc it finds none. */
function processesOn(dir: string): number[] {
  let names: string[]
  let folder: string
  try {
    names = readdirSync('/proc')
    folder = realpathSync(dir)
  } catch {
    return []
  }
  return names.map(Number).filter((pid) => Number.isInteger(pid) && pid > 1 && isServerIn(pid, folder))
}

function isServerIn(pid: number, folder: string): boolean {
  try {
    return (
      readlinkSync(`/proc/${pid}/cwd`) === folder && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'postgres'
    )
  } catch {
    // The process has ended, or belongs to another user.
    return false
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // The process has ended.
  }
}
