// The embedded PostgreSQL: a real server that we start, keep running, and stop. It needs no password, and therefore listens only on a
// unix socket, in a folder that only its own user can enter. Only one server of ours uses its data folder at a time (store-lock.ts).
//
// If PostgreSQL ends, it is started again at the same address and does its own crash recovery. If our server is killed, PostgreSQL
// continues to run, and the next start stops it. It refuses to open the data folder of another major version.

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

/** The port is only a part of the name of the socket. */
const port = 5432

export interface EmbeddedOptions {
  /** The data folder; files about it are in the folder that contains it. */
  readonly dir: string
  readonly log: Logger
}

export interface EmbeddedPostgres extends Backend {
  /** `host` is the folder of the socket, as libpq and node-postgres take it. */
  readonly source: PostgresServer & { readonly socketDir: string }
  /** The process id of the present postmaster. */
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
  // For tests: a folder with the socket of a proxy in front of this PostgreSQL, so that tests can make connections fail.
  const connectDir = process.env['CHANGEFEED_TEST_POSTGRES_SOCKET_DIR'] ?? socketDir
  const source = { host: connectDir, port, socketDir: connectDir, user: 'root', isOwnServer: true } as const

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
    homeDatabase: systemDatabase,
    state: { connection: { ...source, database: systemDatabase }, schema: 'changefeed', sharer: undefined },
    defaultDatabase,
    maxClients,
    hasDialect: true,
    own: {
      systemDatabase,
      itselfSql,
      install: (installation, { inTemplates }) =>
        repairDatabases(source, installation, { log, hasTemplate: inTemplates }),
    },
    get pid(): number {
      return kept.pid
    },
    get failure(): FeedError | undefined {
      return kept.failure
    },
    get problem(): Backend['problem'] {
      return kept.isUp ? undefined : (kept.failure ?? { message: 'PostgreSQL is being started again' })
    },
    stop,
  }
}

/** Tries several times, because processes of a killed PostgreSQL keep its shared memory for a moment longer. */
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

/** Makes a folder with a short path, because the path of a unix socket has at most 107 bytes. Removes the folder of the previous start. */
function makeSocketDir(dir: string): string {
  const memory = join(dirname(dir), 'socket-dir')
  if (existsSync(memory)) {
    const last = readFileSync(memory, 'utf8')
    // In a copy of a store, the file names the folder of the original.
    if (basename(last).startsWith(socketPrefix) && !isSocketOfAnother(last, { dir, port }))
      rmSync(last, { recursive: true, force: true })
  }
  const parent = tmpdir().length > mostParentBytes ? '/tmp' : tmpdir()
  // mkdtemp makes a folder that only its owner can enter.
  const socketDir = mkdtempSync(join(parent, socketPrefix))
  writeFileSync(memory, socketDir)
  return socketDir
}
