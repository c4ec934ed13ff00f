// The processes that belong to a run of the tests, and their end. A run has a folder of its own for temporary files: its
// processes have the path of this folder in their environment (TMPDIR) or, PostgreSQL, in their arguments. Neither parents
// nor process groups show them all: servers in the background and PostgreSQL outlive the process that started them.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

interface FoundProcess {
  readonly pid: number
  readonly isPostgres: boolean
}

/** Time for a server to stop cleanly before it is killed. */
const stopWithinMs = 5000

/** Asks the processes of the folder to end, and kills those that have not ended within five seconds. */
export async function endProcessesOf(folder: string): Promise<void> {
  const deadline = Date.now() + stopWithinMs
  const asked = new Set<number>()
  for (let found = processesOf(folder); found.length > 0; found = processesOf(folder)) {
    for (const { pid, isPostgres } of found) {
      // SIGTERM lets PostgreSQL wait for its clients; SIGQUIT ends it at once, and it removes its shared memory.
      if (Date.now() > deadline) send(pid, 'SIGKILL')
      else if (!asked.has(pid)) send(pid, isPostgres ? 'SIGQUIT' : 'SIGTERM')
      asked.add(pid)
    }
    if (Date.now() > deadline + stopWithinMs) return
    await delay(50)
  }
}

function processesOf(folder: string): readonly FoundProcess[] {
  const all = process.platform === 'linux' ? fromProc() : fromPs()
  return all.flatMap(([pid, text]) =>
    pid !== process.pid && text.includes(folder)
      ? [{ pid, isPostgres: /\/postgres\b/.test(text.split('\0')[0] ?? '') }]
      : [],
  )
}

/** The process ids, each with arguments and environment. */
function fromProc(): readonly (readonly [number, string])[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    return [[Number(name), read(`/proc/${name}/cmdline`) + read(`/proc/${name}/environ`)] as const]
  })
}

/** The process ids, each with its arguments. The environment is not shown here. */
function fromPs(): readonly (readonly [number, string])[] {
  const { stdout } = spawnSync('ps', ['-axww', '-o', 'pid=,args='], { encoding: 'utf8' })
  return [...(stdout ?? '').matchAll(/^ *(\d+) (.*)$/gm)].map(([, pid, args = '']) => [
    Number(pid),
    args.replace(' ', '\0'),
  ])
}

/** Empty when the process has ended or belongs to somebody else. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended.
  }
}
