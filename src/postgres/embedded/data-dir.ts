// The data folder of PostgreSQL. The first start makes it with initdb, completely or not at all, and only the same major version opens it.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FeedError } from '../../errors/feed-error.ts'
import { isReachable, type Binaries } from './binaries.ts'
import { give, giveDataDir, userWithAccount, type ServerUser } from './server-user.ts'
import { startFailure } from './start-failure.ts'

/** Major version of the binaries in the package. */
const major = '18'

export async function prepareDataDir(dir: string, binaries: Binaries, user: ServerUser | undefined): Promise<void> {
  try {
    await prepare(dir, binaries, user)
  } catch (error) {
    if (error instanceof FeedError) throw error
    throw startFailure('making the data folder', (error as Error).message, dirname(dir))
  }
}

async function prepare(dir: string, binaries: Binaries, user: ServerUser | undefined): Promise<void> {
  mkdirSync(dirname(dir), { recursive: true })
  if (user !== undefined && !isReachable(dirname(dir))) {
    throw new FeedError(
      'FEED_START',
      `PostgreSQL does not run as root, and the user it runs as cannot reach ${dirname(dir)}`,
      {
        hint: 'choose a --store below folders that everybody may enter, or start the server as an ordinary user',
      },
    )
  }
  const versionFile = join(dir, 'PG_VERSION')
  if (existsSync(versionFile)) {
    const version = readFileSync(versionFile, 'utf8').trim()
    if (version === major) {
      // The folder is from an earlier version of the program, or root has copied it.
      giveDataDir(dir, user)
      return
    }
    throw new FeedError(
      'FEED_START',
      `the store in ${dirname(dir)} was made by PostgreSQL ${version}; this is PostgreSQL ${major}`,
      {
        hint: 'start it with the version of pg-changefeed that made it, pg_dump its databases, and load them into a new store',
      },
    )
  }
  const fresh = `${dir}.new`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { mode: 0o700 })
  const maker = userWithAccount(user)
  give(fresh, maker)
  await initdb(fresh, binaries, maker)
  giveDataDir(fresh, user)
  rmSync(dir, { recursive: true, force: true })
  renameSync(fresh, dir)
}

async function initdb(dir: string, binaries: Binaries, user: ServerUser | undefined): Promise<void> {
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '-E', 'UTF8']
  const child = spawn(binaries.initdb, ['-D', dir, '-U', 'root', '-A', 'trust', '-k', '-N', ...locale], {
    ...user,
    cwd: '/',
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4000)))
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.on('error', reject)
  child.on('close', (code) => resolve(code))
  if ((await promise) !== 0) throw startFailure('initdb', errors, dirname(dir))
}
