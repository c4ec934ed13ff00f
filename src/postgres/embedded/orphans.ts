// Processes of a PostgreSQL whose postmaster is gone. Most notice at once and end. One that computes does not look, and as
// long as it holds the shared memory no new postmaster starts: it is killed. Nothing committed is lost by that, for the
// next start recovers from the log.

import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const noticeWithinMs = 2000
const endWithinMs = 10_000

/** Settles when none is left on the data folder, or when they do not end. Call only while no postmaster runs on it. */
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

/** A server process stands in its data folder. Without /proc none is found. */
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
    // It has ended, or is somebody else's.
    return false
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
