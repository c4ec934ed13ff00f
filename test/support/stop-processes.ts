// Stops processes where they are (SIGSTOP), and lets them go on.
//
// kill() only leaves the signal with the process. Until one of its threads has had a core and taken the signal, the others go on: on a busy machine
// long enough to answer what a test sends to a process that it believes to be standing still.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const stopWithinMs = 60_000
const askAgainMs = 2
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** When it returns, none of the processes does anything any more. Nothing of the test happens meanwhile either. */
export function stopProcesses(pids: readonly number[]): void {
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  for (const deadline = Date.now() + stopWithinMs; !pids.every(standsStill);) {
    if (Date.now() > deadline) throw new Error(`not all of the processes ${pids.join(', ')} stand still`)
    Atomics.wait(sleeper, 0, 0, askAgainMs)
  }
}

export function continueProcesses(pids: readonly number[]): void {
  for (const pid of pids) process.kill(pid, 'SIGCONT')
}

/** Whether the process does nothing: it is stopped, or has ended. */
export function standsStill(pid: number): boolean {
  return process.platform === 'linux'
    ? threadStates(pid).every((state) => 'TtZX'.includes(state))
    : /^(T|Z|$)/.test(spawnSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim())
}

function threadStates(pid: number): string[] {
  const threads = `/proc/${pid}/task`
  return (orEnded(() => readdirSync(threads)) ?? []).map((thread) => {
    const stat = orEnded(() => readFileSync(`${threads}/${thread}/stat`, 'utf8')) ?? ') X'
    // The state follows the name of the thread, which may contain anything.
    return stat.charAt(stat.lastIndexOf(')') + 2)
  })
}

/** Undefined: what is read has ended. */
function orEnded<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
