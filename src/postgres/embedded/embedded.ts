// The embedded PostgreSQL: a real server that we start, keep running, and stop. It asks nobody for a password, and so it
// listens on a unix socket alone, in a folder that only the user it runs as may enter. Its data folder belongs to one
// server of ours at a time (store-lock.ts).
//
// When it dies it is started again, at the same address; crash recovery is its own. When we die it stays behind and is
// stopped by the next start. It refuses to open a folder of another major version.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { FeedError } from '../../errors/feed-error.ts'
import type { Backend } from '../backend.ts'
import type { PostgresServer } from '../source-connection.ts'
import { findBinaries } from './binaries.ts'
import { bootstrap, bootstrapVersion, defaultDatabase, systemDatabase } from './bootstrap.ts'
import { prepareDataDir } from './data-dir.ts'
import { KeptPostmaster } from './keep-running.ts'
import { endOrphans } from './orphans.ts'
import {
  forgetOtherPostmaster,
  isSocketOfAnother,
  maxClients,
  startPostmaster,
  stopOrphan,
  type Postmaster,
} from './postmaster.ts'
import { repairDatabases } from './repair-databases.ts'
import { give, serverUser } from './server-user.ts'

/** It names the socket and nothing more. */
const port = 5432

export interface EmbeddedOptions {
  /** The data folder; files about it stand beside it. */
  readonly dir: string
  readonly log: Logger
}

export interface EmbeddedPostgres extends Backend {
  /** `host` is the folder of the socket, as libpq and node-postgres take it. */
  readonly source: PostgresServer & { readonly socketDir: string }
  /** Of the postmaster that runs now. */
  readonly pid: number
  stop(mode?: 'fast' | 'immediate'): Promise<void>
}

/** The folder of the socket is another one after each start. */
const itselfSql = {
  host: `split_part(current_setting('unix_socket_directories'), ',', 1)`,
  port: `current_setting('port')`,
}

export async function startEmbedded({ dir, log }: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const user = serverUser(dir)
  const binaries = findBinaries(user)
  await stopOrphan(dir)
  await endOrphans(dir)
  forgetOtherPostmaster(dir)
  await prepareDataDir(dir, binaries, user)
  const socketDir = makeSocketDir(dir)
  give(socketDir, user)
  const options = { dir, socketDir, port, binaries, user }
  const kept = new KeptPostmaster(await startAgain(() => startPostmaster(options)), options, log)
  // For tests: a folder whose socket leads to this PostgreSQL, so that what is between the two can fail.
  const connectDir = process.env['CHANGEFEED_TEST_POSTGRES_SOCKET_DIR'] ?? socketDir
  const source = { host: connectDir, port, socketDir: connectDir, user: 'root' }

  const stop = async (mode: 'fast' | 'immediate' = 'fast'): Promise<void> => {
    await kept.stop(mode)
    rmSync(socketDir, { recursive: true, force: true })
  }
  try {
    const mark = join(dirname(dir), 'bootstrap')
    const isNew = !existsSync(mark) || readFileSync(mark, 'utf8') !== bootstrapVersion
    await bootstrap(source, { isNew, log })
    if (isNew) writeFileSync(mark, bootstrapVersion)
  } catch (error) {
    await stop()
    throw error
  }
  kept.keep()
  return {
    source,
    systemDatabase,
    defaultDatabase,
    maxClients,
    hasDialect: true,
    itselfSql,
    get pid(): number {
      return kept.pid
    },
    get failure(): FeedError | undefined {
      return kept.failure
    },
    get problem(): Backend['problem'] {
      return kept.isUp ? undefined : (kept.failure ?? { message: 'PostgreSQL is being started again' })
    },
    install: (installation, { inTemplates }) =>
      repairDatabases(source, installation, { log, hasTemplate: inTemplates }),
    stop,
  }
}

/** Processes of a killed predecessor hold its shared memory for a moment longer. */
async function startAgain(start: () => Promise<Postmaster>): Promise<Postmaster> {
  const deadline = Date.now() + 30_000
  for (;;) {
    try {
      return await start()
    } catch (error) {
      if (Date.now() > deadline || !/shared memory|lock file/.test((error as Error).message)) throw error
      await delay(200)
    }
  }
}

const socketPrefix = 'pgcf-'
const mostParentBytes = 70

/** A short path, because that of a unix socket holds 107 bytes at most. The last one is remembered, and removed. */
function makeSocketDir(dir: string): string {
  const memory = join(dirname(dir), 'socket-dir')
  if (existsSync(memory)) {
    const last = readFileSync(memory, 'utf8')
    // A copy of a store remembers the folder of the original.
    if (basename(last).startsWith(socketPrefix) && !isSocketOfAnother(last, { dir, port }))
      rmSync(last, { recursive: true, force: true })
  }
  const parent = tmpdir().length > mostParentBytes ? '/tmp' : tmpdir()
  // It is made with the rights of its owner only.
  const socketDir = mkdtempSync(join(parent, socketPrefix))
  writeFileSync(memory, socketDir)
  return socketDir
}
