// For tests of commands: the program run to its end, a folder for its store, and whether a process is alive.

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The sources, unless another build of the program is to be tested or measured. */
export const main =
  process.env['CHANGEFEED_TEST_PROGRAM'] ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Runs the program to its end. */
export function run(...args: readonly string[]): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 60_000 })
  return { status, text: stdout + stderr }
}

export function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-start-'))
  chmodSync(dir, 0o755)
  return dir
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
