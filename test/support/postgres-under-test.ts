// For tests: a real PostgreSQL, without any of our servers before it, with as many databases as a test wants. It is the
// embedded one, or, in a run against other versions, somebody's own (servers/server-of-tests.ts).

import { chmodSync, existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { parseLsn, type Lsn } from '../../src/core/lsn.ts'
import { startEmbedded } from '../../src/postgres/embedded/embedded.ts'
import { give, serverUser } from '../../src/postgres/embedded/server-user.ts'
import { openRawConnection, type RawConnection } from '../../src/postgres/raw-connection.ts'
import type { PostgresServer, SourceConnection } from '../../src/postgres/source-connection.ts'
import { removeStore } from './kept-stores.ts'
import { PostgresServerUnderTest } from './postgres-server.ts'
import { layEmbeddedStore } from './servers/embedded-store.ts'
import { libcProvider, serverOfTests } from './servers/server-of-tests.ts'
import { TcpGate } from './tcp-gate.ts'
import { within } from './until.ts'

export interface TestDatabase extends AsyncDisposable {
  /** Where it is now: a server that was restarted listens elsewhere. */
  readonly source: SourceConnection
  /** A folder for its changelog. */
  readonly dir: string
  connect(user?: string): Promise<RawConnection>
  /** On a connection of its own. */
  sql(text: string): Promise<(string | null)[][]>
  flushLsn(): Promise<Lsn>
}

interface RunningServer {
  /** Over its unix socket, as the superuser. */
  readonly source: PostgresServer
  readonly pid: number
  readonly dir: string
  stop(mode: 'fast' | 'immediate'): Promise<void>
  /** After `stop`. */
  startAgain(): Promise<RunningServer>
  [Symbol.asyncDispose](): Promise<void>
}

export class TestPostgres implements AsyncDisposable {
  readonly #folder: string
  #server: RunningServer
  #count = 0
  #gate: TcpGate | undefined

  private constructor(folder: string, server: RunningServer) {
    this.#folder = folder
    this.#server = server
  }

  static async start(): Promise<TestPostgres> {
    const folder = mkdtempSync(join(tmpdir(), 'ingest-test-'))
    // PostgreSQL runs as another user when we are root.
    chmodSync(folder, 0o755)
    return new TestPostgres(folder, serverOfTests.tag === 'theirs' ? await startTheirs() : await startOurs(folder))
  }

  get pid(): number {
    return this.#server.pid
  }

  /** How long a fast shutdown took, in ms. It is started again, at another address; `between` gets its folder. */
  async restart(between: (dir: string) => void = () => undefined): Promise<number> {
    const startedAt = Date.now()
    await this.#server.stop('fast')
    const took = Date.now() - startedAt
    between(this.#server.dir)
    this.#server = await this.#server.startAgain()
    return took
  }

  /** Gives a data folder that was copied to the user that PostgreSQL runs as. */
  own(dir: string): void {
    const user = serverUser(dir)
    give(dir, user)
    if (user !== undefined)
      for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) give(join(dir, name), user)
  }

  async database(overTcp = false, encoding = 'UTF8'): Promise<TestDatabase> {
    const name = `db${++this.#count}`
    // Read anew: a server that was restarted listens elsewhere.
    this.#gate ??= await TcpGate.open(() => this.#server.source)
    const { port } = this.#gate
    const base = (): Omit<SourceConnection, 'database'> => ({
      ...this.#server.source,
      ...(overTcp ? { host: '127.0.0.1', port, socketDir: undefined } : {}),
    })
    const admin = (text: string): Promise<(string | null)[][]> => query({ ...base(), database: 'postgres' }, text)
    const other = `ENCODING '${encoding}' TEMPLATE template0${libcProvider} LC_COLLATE 'C' LC_CTYPE 'C'`
    await admin(`CREATE DATABASE ${name} ${encoding === 'UTF8' ? '' : other}`)
    const source = (): SourceConnection => ({ ...base(), database: name })
    const dir = join(this.#folder, name)
    return {
      get source(): SourceConnection {
        return source()
      },
      dir,
      connect: (user) =>
        openRawConnection({ source: user === undefined ? source() : { ...source(), user }, parameters: {} }),
      sql: (text) => query(source(), text),
      flushLsn: async () => parseLsn((await query(source(), 'SELECT pg_current_wal_flush_lsn()'))[0]?.[0] ?? ''),
      async [Symbol.asyncDispose](): Promise<void> {
        removeStore(dir)
        const slots = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '${name}'`
        await within(5000, 'the slot to become free', () =>
          admin(slots).then(
            () => true,
            () => false,
          ),
        )
        await admin(`DROP DATABASE ${name} WITH (FORCE)`)
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gate?.[Symbol.asyncDispose]()
    await this.#server[Symbol.asyncDispose]()
    removeStore(this.#folder)
  }
}

async function startOurs(folder: string): Promise<RunningServer> {
  const dir = join(folder, 'postgres')
  if (!existsSync(dir)) layEmbeddedStore(folder)
  const embedded = await startEmbedded({ dir, log: pino({ level: 'silent' }) })
  return {
    source: embedded.source,
    get pid(): number {
      return embedded.pid
    },
    dir,
    stop: (mode) => embedded.stop(mode),
    startAgain: () => startOurs(folder),
    [Symbol.asyncDispose]: () => embedded.stop('immediate'),
  }
}

async function startTheirs(): Promise<RunningServer> {
  // As in the embedded one.
  const server = await PostgresServerUnderTest.start({ settings: { track_commit_timestamp: 'on' }, isKept: true })
  await server.sql('CREATE ROLE root SUPERUSER REPLICATION LOGIN')
  const running = (): RunningServer => ({
    source: server.localSource('postgres', 'root'),
    get pid(): number {
      return server.pid
    },
    dir: server.dir,
    stop: (mode) => server.stop(mode),
    startAgain: async () => {
      await server.start()
      return running()
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  })
  return running()
}

async function query(source: SourceConnection, text: string): Promise<(string | null)[][]> {
  const connection = await openRawConnection({ source, parameters: {} })
  try {
    return await connection.query(text)
  } finally {
    await connection.close()
  }
}
