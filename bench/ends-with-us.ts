// What a bench started ends with it, also when it is interrupted: a signal becomes an ordinary exit, and whatever is still
// there is ended on the way out. All folders of a bench are in one of its own, which goes as well.

import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'changefeed-bench-'))
// Where we are root, PostgreSQL is somebody else.
chmodSync(folder, 0o755)
process.env['TMPDIR'] = folder

const starts = new Set<Promise<unknown>>()
const endings = new Set<() => void>()

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => {
    // What is just being started can be ended only then.
    void Promise.allSettled(starts).then(() => setImmediate(() => process.exit(code)))
  })
process.once('exit', () => {
  for (const end of endings) end()
  removeFolder()
})

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
