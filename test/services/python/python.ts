// Programs of Python's package index: a folder made by pip for one test file. Where Python is missing or the index cannot
// be reached its tests are skipped and say so; in CI that is a failure.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const withinMs = 120_000

export interface Packages extends AsyncDisposable {
  readonly dir: string
  /** Why there is nothing to be had; never set in CI. */
  readonly missing: string | undefined
}

export function installPackages(packages: readonly string[], flags: readonly string[] = []): Packages {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-python-'))
  const made = spawnSync('python3', ['-m', 'pip', 'install', '-q', '--target', dir, ...flags, ...packages], {
    encoding: 'utf8',
    timeout: withinMs,
  })
  const missing = made.status === 0 ? undefined : (made.stderr ?? '') || String(made.error)
  if (missing !== undefined && process.env['CI'] !== undefined) throw new Error(`pip: ${missing}`)
  return {
    dir,
    missing,
    async [Symbol.asyncDispose]() {
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
