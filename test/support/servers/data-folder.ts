// Data folders of PostgreSQL under test: initdb runs once for each version, encoding and locale, and its result is copied.

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { give, giveDataDir, serverUser, userWithAccount } from '../../../src/postgres/embedded/server-user.ts'
import { keptFolder } from '../../services/kept-folder.ts'
import { binariesOfVersion, type PostgresVersion } from './postgres-versions.ts'

export const superuser = 'postgres'

export interface DataFolderOptions {
  readonly version: PostgresVersion
  readonly encoding: string
  /** Arguments of initdb that choose the locale. */
  readonly locale: readonly string[]
  /** Of initdb and of the server; finds locales that are not those of the system. */
  readonly environment: Readonly<Record<string, string>>
}

const here = fileURLToPath(import.meta.url)
const versions = fileURLToPath(new URL('postgres-versions.ts', import.meta.url))

/** Fills `dir`, which is not there yet, and leaves it to the user that PostgreSQL will run as. */
export function makeDataFolder(dir: string, options: DataFolderOptions): void {
  const { version, encoding, locale } = options
  const name = ['initdb', version, encoding, ...locale].join('-').replaceAll(/[^\w.]+/g, '-')
  const kept = keptFolder({ name, madeOf: [here, versions], fill: (into) => initdb(join(into, 'data'), options) })
  copyFolder(join(kept, 'data'), dir)
}

/** Also of a server that has stopped. The copy belongs to a user of its own. */
export function copyFolder(from: string, to: string): void {
  const { status, stderr } = spawnSync('cp', ['-a', from, to], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${from} could not be copied: ${stderr}`)
  // Of a user who is root here: nobody owns the copy, so that the next user is one that no other server has.
  if (process.getuid?.() === 0) giveDataDir(to, serverUser(join(to, 'not-there')))
}

function initdb(dir: string, { version, encoding, locale, environment }: DataFolderOptions): void {
  // The user of initdb has to reach the folder; the cache may lie below one that only its owner can enter.
  const work = mkdtempSync(join(tmpdir(), 'pgcf-initdb-'))
  try {
    const user = userWithAccount(serverUser(work))
    chmodSync(work, 0o755)
    give(work, user)
    const made = join(work, 'data')
    const args = ['-D', made, '-U', superuser, '-A', 'trust', '-N', '-E', encoding, ...locale]
    const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC', ...environment }
    const run = spawnSync(binariesOfVersion(version, user).initdb, args, { ...user, cwd: '/', env, encoding: 'utf8' })
    if (run.status !== 0) throw new Error(`initdb of PostgreSQL ${version} failed: ${run.error?.message ?? run.stderr}`)
    const copied = spawnSync('cp', ['-a', made, dir], { encoding: 'utf8' })
    if (copied.status !== 0) throw new Error(`the data folder could not be kept: ${copied.stderr}`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
