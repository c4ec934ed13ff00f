// What a bench started ends with it, also when it is interrupted: a signal becomes an ordinary exit, and whatever is still
// there is ended on the way out. All folders of a bench are in one of its own, which goes as well. The same happens when npm,
// which started it, is killed.

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'changefeed-bench-'))
// Where we are root, PostgreSQL is somebody else.
chmodSync(folder, 0o755)
process.env['TMPDIR'] = folder

const starts = new Set<Promise<unknown>>()
const endings = new Set<() => void>()

let isEnding = false
// The same signal may come twice, from npm and from whoever has sent it to the whole group: only the first one counts.
for (const [signal, code] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => endWith(code))
watchNpm()
process.once('exit', () => {
  for (const end of endings) end()
  removeFolder()
})

function endWith(code: number): void {
  if (isEnding) return
  isEnding = true
  // What is just being started can be ended only then.
  void Promise.allSettled(starts).then(() => setImmediate(() => process.exit(code)))
}

/** npm runs a program that runs this one. If npm is killed by `kill -9` that program goes on, as a child of somebody else. */
function watchNpm(): void {
  if (process.env['npm_lifecycle_event'] !== 'bench') return
  const npm = parentOf(process.ppid)
  if (npm === undefined) return
  setInterval(() => {
    if (parentOf(process.ppid) !== npm) endWith(129)
  }, 1000).unref()
}

/** Returns undefined where nobody says it. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Behind the name in brackets: state, parent.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}

/** `start` starts something and says so to `endsWithUs`. */
export async function starting<T>(start: () => Promise<T>): Promise<T> {
  const started = start()
  starts.add(started)
  try {
    return await started
  } finally {
    starts.delete(started)
  }
}

/** `end` must not wait for anything. Returns what to call when it has ended by itself. */
export function endsWithUs(end: () => void): () => void {
  endings.add(end)
  return () => endings.delete(end)
}

export function killNow(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone.
  }
}

/** Again and again: processes that are ending may still write to it, and `rmSync` does not always say so. */
function removeFolder(): void {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  for (let attempt = 0; existsSync(folder) && attempt < 50; attempt++) {
    if (attempt > 0) Atomics.wait(pause, 0, 0, 100)
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // Not empty.
    }
  }
}
